"""What can be chosen as a model folder of diffusers: folders with a model_index.json; menu and loader ask."""

from pathlib import Path

from app.files.model_folders import ModelFolders

_KEY, _INDEX = "diffusers", "model_index.json"


def diffusers_choices(models: ModelFolders) -> list[str]:
    """Relative names of the folders, sorted."""
    return models.folders_with(_KEY, _INDEX)


def offers_diffusers(models: ModelFolders, name: str) -> bool:
    """Whether `name` is among `diffusers_choices`, without listing them."""
    return models.has(_KEY, f"{name}/{_INDEX}")


def resolve_diffusers(models: ModelFolders, name: str) -> Path:
    """The folder of this name; raises FileNotAvailable."""
    return models.resolve(_KEY, f"{name}/{_INDEX}").parent
