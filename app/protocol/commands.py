"""Messages from the server to an executor: what to prepare, run, stop and forget."""

from typing import Any, Literal

import msgspec


class Configure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """First message after the channel opens: where data lives and how to compute."""

    base_directory: str
    input_directory: str
    output_directory: str
    temp_directory: str
    state_directory: str | None = None
    model_folders: dict[str, list[str]]
    cpu: bool = False
    vram: Literal["high", "normal", "low", "none"] = "normal"
    cpu_dtype: Literal["fp32", "bf16"] = "fp32"
    allow_pickle: bool = False
    preview_method: str = "latent2rgb"
    preview_size: int = 512
    metadata: bool = True


class RunPrompt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Run a checked prompt. `targets` are the output nodes wanted, `attempt` counts from 1."""

    prompt_id: str
    prompt: dict[str, Any]
    targets: list[str]
    extra_pnginfo: dict[str, Any] | None = None
    attempt: int = 1


class Interrupt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Stop the named prompt before its next model call; None stops whatever runs."""

    prompt_id: str | None = None


class FreeMemory(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Unload models and, if asked, forget cached node outputs, once no prompt runs."""

    unload_models: bool = True
    forget_outputs: bool = False


class Shutdown(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Leave after the running node call; the channel closes afterwards."""


Command = Configure | RunPrompt | Interrupt | FreeMemory | Shutdown
