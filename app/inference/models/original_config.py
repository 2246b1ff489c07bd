"""Reads what a config of the original code says that a checkpoint does not; CheckpointLoader asks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.inference.model_sampling.families import discrete
from app.inference.models.checkpoint import Checkpoint
from app.inference.models.errors import ModelFileError


class ConfigUnreadable(ModelFileError):
    """The file is no config of the original code: no YAML, or without the entry `model`."""

    code = "config_unreadable"


@dataclass(frozen=True, kw_only=True)
class OriginalConfig:
    """The two settings that count: whether the output is a velocity, and the layer of the text's states."""

    predicts_velocity: bool = False
    text_layer: int | None = None

    def applied(self, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint as the config wants it read; its networks are shared."""
        model, text = checkpoint.diffusion_model, checkpoint.text_encoder
        if self.predicts_velocity:
            model = replace(model, model_sampling=discrete("v_prediction"))
        if self.text_layer is not None and text is not None:
            text = text.stopping_at(self.text_layer)
        return replace(checkpoint, diffusion_model=model, text_encoder=text)


def read_original_config(path: Path) -> OriginalConfig:
    """Read `model.params.parameterization` and `...cond_stage_config.params.layer_idx`; all else is ignored.

    Raises ConfigUnreadable.
    """
    import yaml  # only those who use such a config pay for it

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _unreadable(path, f"cannot be read ({str(error).splitlines()[0]})") from error
    model = _entry(document, "model")
    if not isinstance(model, Mapping):
        raise _unreadable(path, "has no entry 'model'")
    layer = _entry(model, "params", "cond_stage_config", "params", "layer_idx")
    if layer is not None and (not isinstance(layer, int) or layer >= 0):
        raise _unreadable(path, f"has the text layer {layer!r}, which is no number below 0")
    return OriginalConfig(
        predicts_velocity=_entry(model, "params", "parameterization") == "v", text_layer=layer
    )


def _entry(document: object, *names: str) -> Any:
    for name in names:
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _unreadable(path: Path, what: str) -> ConfigUnreadable:
    return ConfigUnreadable(path, what, "Choose another config, or use Load Checkpoint, which needs none.")
