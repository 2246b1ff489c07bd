"""Time to list 2,000 model files of two programs, first and when they are known; for `make bench`."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from app.actions.describe_nodes import describe_nodes
from app.engine.node_catalog import NodeCatalog, packaged_schemas
from app.files.folders import data_folders
from app.files.model_folders import ModelFolders
from benchmarks.tools.figures import show

FILES = 2000
REPEATS = 9
AGED_S = 60  # folders that changed just now are read again each time; people's have not
OURS = ("checkpoints", "loras", "vae", "controlnet", "embeddings", "upscale_models", "text_encoders")
THEIRS = {
    "checkpoints": "models/Stable-diffusion",
    "loras": "models/Lora",
    "vae": "models/VAE",
    "controlnet": "models/ControlNet",
    "embeddings": "embeddings",
    "upscale_models": "models/ESRGAN",
    "hypernetworks": "models/hypernetworks",
}
SUBFOLDERS = ("", "SD 1.5", "SDXL/styles", "Größen und Farben", "日本語")


def make_files(base: Path, other: Path) -> None:
    """Empty files all over both trees, with spaces and letters of many scripts in their names."""
    places = [base / "models" / key / sub for key in OURS for sub in SUBFOLDERS]
    places += [other / name / sub for name in THEIRS.values() for sub in SUBFOLDERS]
    for number in range(FILES):
        folder = places[number % len(places)]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"my model №{number}.safetensors").touch()
    lines = [f"other:\n  base_path: {other}", *(f"  {key}: {name}" for key, name in THEIRS.items())]
    (base / "extra_model_paths.yaml").write_text("\n".join(lines), encoding="utf-8")
    past = time.time() - AGED_S
    for tree in (base, other):
        for folder in (tree, *(each for each in tree.rglob("*") if each.is_dir())):
            os.utime(folder, (past, past))


def list_all(models: ModelFolders) -> int:
    """List every menu."""
    return sum(len(models.list(key)) for key in models.keys)


def middle_ms(action: Callable[[], object]) -> float:
    """The median of some repetitions, in milliseconds."""
    times: list[float] = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as temporary:
        base, other = Path(temporary) / "base", Path(temporary) / "stable-diffusion-webui"
        make_files(base, other)
        folders = data_folders(base)
        began = time.perf_counter()
        found = list_all(folders.models)
        show(f"list {found:,} model files the first time", (time.perf_counter() - began) * 1000, "ms")
        show("list them again", middle_ms(lambda: list_all(folders.models)), "ms", at_most=100)
        catalog = NodeCatalog(folders, packaged_schemas())
        show("describe all nodes with their menus", middle_ms(lambda: list(describe_nodes(catalog))), "ms")


if __name__ == "__main__":
    main()
