"""`python -m app.training.demo_model`: trains the demo model from nothing or from where it stopped."""

import argparse
import logging
import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import device as Device

from app.training.demo_model.export import FILE_NAME, export_checkpoint
from app.training.demo_model.learn_unet import UNET_STAGES, UNetLearner
from app.training.demo_model.learn_vae import VAE_STAGES, VaeLearner
from app.training.demo_model.training_loop import TrainingRun

logger = logging.getLogger("demo_model")

_DEFAULT_MINUTES = 200.0
_DEFAULT_FOLDER = Path("workspace/demo-model-training")


def main(arguments: list[str] | None = None) -> int:
    """Train what is asked for; returns the exit code."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    if not options.resume and any(folder.glob("*.pt")) and options.part == "all":
        logger.error(
            "%s holds a training: leave out --no-resume to go on with it, or choose another folder.", folder
        )
        return 2
    if options.part == "all":
        return _train_all(options, folder)
    _PARTS[options.part](folder, options.budget * 60)
    return 0


def train_vae(folder: Path, budget_s: float) -> None:
    """Train the VAE within `budget_s` seconds."""
    TrainingRun(VaeLearner(_device()), VAE_STAGES, folder / "vae.pt", budget_s).run()


def train_unet(folder: Path, budget_s: float) -> None:
    """Train the UNet and the text encoder within `budget_s` seconds."""
    TrainingRun(UNetLearner(_device()), UNET_STAGES, folder / "unet.pt", budget_s).run()


def export(folder: Path, _budget_s: float = 0) -> None:
    """Write the checkpoint from what both trainings have reached."""
    path = export_checkpoint(folder / "unet.pt", folder / "vae.pt", folder / FILE_NAME)
    logger.info("Wrote %s (%.1f MB).", path, path.stat().st_size / 1e6)


_PARTS = {"vae": train_vae, "unet": train_unet, "export": export}


def _train_all(options: argparse.Namespace, folder: Path) -> int:
    """The VAE in a process of its own, the UNet in this one: two threads that never wait for each other."""
    command = [sys.executable, "-m", "app.training.demo_model", "--out", str(folder), "--part", "vae"]
    command += ["--budget", str(options.budget)]
    other = subprocess.Popen(command)  # noqa: S603  this very program
    try:
        train_unet(folder, options.budget * 60)
        failed = other.wait()
    finally:
        other.terminate()
    if failed:
        logger.error("The VAE's training ended with exit code %d; see above.", failed)
        return 1
    export(folder)
    return 0


def _device() -> Device:
    """The GPU when there is one; else the CPU, half of the cores for each of the two trainings."""
    if torch.cuda.is_available():
        return Device("cuda")
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    return Device("cpu")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.training.demo_model", description=__doc__)
    parser.add_argument(
        "--out",
        type=Path,
        default=_DEFAULT_FOLDER,
        help="folder for progress and the finished model (default %(default)s)",
    )
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go on with what is in the folder (the default), or refuse a folder that holds a training",
    )
    parser.add_argument(
        "--budget", type=float, default=_DEFAULT_MINUTES, help="minutes at most (default %(default)s)"
    )
    parser.add_argument("--part", choices=("all", *_PARTS), default="all", help="only one part (default all)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
