"""All settings: from flags, CC_* variables, a TOML file, defaults, in this order; read by cli and wiring."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

LOOPBACK = "127.0.0.1"

_ROOT = Path(__file__).resolve().parents[1]


class SettingsFileError(ValueError):
    """The settings file cannot be read."""


class Settings(BaseSettings):
    """Every field is also a flag (`--output-directory`) and a variable (CC_OUTPUT_DIRECTORY)."""

    model_config = SettingsConfigDict(env_prefix="CC_", extra="forbid", env_ignore_empty=True)

    config: Path | None = Field(None, description="TOML file with settings by these names")
    listen: Annotated[tuple[str, ...], NoDecode] = Field(
        (LOOPBACK,),
        description="addresses to listen on, separated by commas; without a value all of them. "
        "Any address but this machine's own demands the access token",
    )
    port: int = Field(8188, ge=0, le=65535, description="TCP port; 0 takes a free one")
    base_directory: Path | None = Field(
        None,
        description="holds models, input, output, temp, user and state (database, token); without this "
        "setting it is the folder `workspace` of the clone that the program runs from, and for an installed "
        "package the user's data folder, on Linux ~/.local/share/comfy-creator",
    )
    output_directory: Path | None = Field(None, description="pictures go here instead of BASE/output")
    input_directory: Path | None = Field(None, description="uploads go here instead of BASE/input")
    temp_directory: Path | None = Field(
        None, description="previews go into the folder `temp` inside this one; emptied at every start"
    )
    user_directory: Path | None = Field(None, description="workflows and settings instead of BASE/user")
    extra_model_paths_config: Path | None = Field(
        None, description="extra_model_paths.yaml: more model folders"
    )
    cpu: bool = Field(False, description="compute on the CPU even if there is a GPU")
    vram: Literal["high", "normal", "low", "none"] = Field(
        "normal",
        description="how models share a GPU: high keeps them there, normal sends the least recently used "
        "away when room is needed, low keeps one at a time there, none brings layer by layer "
        "(--highvram, --normalvram, --lowvram and --novram mean the same)",
    )
    cpu_dtype: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="number format of diffusion models on the CPU: fp32 gives the usual pictures, bf16 "
        "others and, where the CPU has it, faster",
    )
    allow_pickle: bool = Field(
        False,
        description="read model files in Python's pickle format too (.ckpt, .pt, .bin), through copies "
        "without code, which are kept in BASE/state",
    )
    preview_method: Literal["none", "auto", "latent2rgb", "taesd"] = Field(
        "latent2rgb",
        description="previews while sampling: none, coarse (latent2rgb), decoded by taesd_decoder or "
        "taesdxl_decoder from models/vae_approx (taesd), or decoded where that is (auto)",
    )
    preview_size: int = Field(512, ge=16, le=4096, description="longest side of a preview in pixels")
    max_upload_size: float = Field(100, gt=0, le=1_000_000, description="largest upload in MB")
    disable_metadata: bool = Field(False, description="do not write prompt and workflow into pictures")
    executor_python: str | None = Field(
        None, description="interpreter for the executor, such as another venv's"
    )
    executor_start_timeout: float = Field(
        120, gt=0, description="seconds the executor may take to become ready"
    )
    in_process: bool = Field(False, description="run nodes in the server process (for debugging)")
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="host names under which this server is reached, separated by commas"
    )
    behind_proxy: bool = Field(False, description="a proxy is in front: demand the token on every address")
    enable_cors_header: str | None = Field(
        None, description="exact origins, separated by commas, whose pages may use this server"
    )
    verbose: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = Field("INFO", description="log level")

    @field_validator("listen", "allowed_hosts", mode="before")
    @classmethod
    def split_list(cls, value: Any) -> Any:
        """Accept `a,b` as well as a list."""
        if isinstance(value, str):
            return tuple(each.strip() for each in value.split(",") if each.strip())
        return value

    @property
    def base(self) -> Path:
        """The base directory, the same for every command."""
        if self.base_directory is not None:
            return self.base_directory.expanduser().absolute()
        return default_base()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then variables, then the file they may name."""
        return init_settings, env_settings, _SettingsFile(settings_cls, init_settings, env_settings)


def default_base() -> Path:
    """The base directory that nobody named: `workspace` of a clone, else the user's data folder."""
    if (_ROOT / "pyproject.toml").is_file() and (_ROOT / "Makefile").is_file():
        return _ROOT / "workspace"
    from platformdirs import user_data_path

    return user_data_path("comfy-creator", appauthor=False)


class _SettingsFile(PydanticBaseSettingsSource):
    """The file that `--config` or CC_CONFIG names."""

    def __init__(self, settings_cls: type[BaseSettings], *named_by: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._named_by = named_by

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Not used: the whole file is read at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        named: Any = next((found for each in self._named_by if (found := each().get("config"))), None)
        if named is None:
            return {}
        path = Path(named).expanduser()
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as exc:
            raise SettingsFileError(
                f"The settings file {path} cannot be read ({exc.strerror}): name another with --config."
            ) from exc
        except ValueError as exc:
            raise SettingsFileError(
                f"The settings file {path} is not TOML ({exc}): write lines such as `port = 8188`."
            ) from exc
        return {key.replace("-", "_"): value for key, value in content.items()}
