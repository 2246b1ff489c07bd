"""A node's surroundings for tests: real folders and models, and a record of what the node reported."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import device as Device

from app.files.folders import DataFolders, data_folders
from app.inference.interrupts import Interrupted
from app.inference.memory.model_store import ModelStore


class RecordingContext:
    """Implements NodeContext; `stop_after` interrupts after that many progress reports."""

    def __init__(self, base: Path, stop_after: int | None = None) -> None:
        self.node_id = "1"
        self.prompt: Mapping[str, Any] = {}
        self.extra_pnginfo: Mapping[str, Any] | None = None
        self.metadata = True
        self.preview_method = "latent2rgb"
        self.preview_size = 512
        self.folders: DataFolders = data_folders(base)
        self.folders.prepare()
        self.models = ModelStore(Device("cpu"))
        self.steps: list[tuple[float, float]] = []
        self.previews: list[bytes] = []
        self.pictures: list[bytes] = []
        self.texts: list[str] = []
        self.files: list[Path] = []
        self._stop_after = stop_after

    def progress(self, value: float, total: float) -> None:
        self.steps.append((value, total))
        if self.interrupted():
            raise Interrupted

    def preview(self, image: bytes, image_type: str = "image/jpeg") -> None:
        self.previews.append(image)

    def picture(self, image: bytes, image_type: str = "image/png") -> None:
        self.pictures.append(image)

    def text(self, text: str) -> None:
        self.texts.append(text)

    def interrupted(self) -> bool:
        return self._stop_after is not None and len(self.steps) >= self._stop_after

    def created(self, path: Path) -> None:
        assert not path.exists()
        self.files.append(path)
