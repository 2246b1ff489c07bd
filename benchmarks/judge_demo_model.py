"""Draws fresh captions with the demo model, through the product's own nodes, and judges the pictures.

`python -m benchmarks.judge_demo_model` prints how many pictures are right, of combinations that were trained
and of those that were held out, and what a picture costs. `--sheet FILE` writes a contact sheet.
"""

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image as Pillow
from PIL import ImageDraw
from torch import Tensor

from app.files.folders import DataFolders, data_folders
from app.inference.memory.devices import CPU
from app.inference.memory.model_store import ModelStore
from app.inference.models.checkpoint import load_checkpoint
from app.nodes.registry import builtin_nodes
from app.training.demo_model.captions import (
    HELD_OUT,
    PLACES,
    SEEN,
    SIZES,
    Scene,
    caption,
    draw_scene,
    repeatable,
)
from app.training.demo_model.judge import SIZE, Verdict, judge

CHECKPOINT = Path(__file__).parents[1] / "static/models/checkpoints/comfy-creator-demo.safetensors"
SHEET_COLUMNS, SHEET_ROWS, LINE = 8, 5, 26
TARGETS = {"background": 97.0, "colour": 97.0, "shape": 95.0, "overlap": 90.0}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The inputs of the KSampler node: those of the default workflow unless told otherwise."""

    cfg: float
    steps: int
    sampler: str
    scheduler: str


@dataclass(kw_only=True)
class Surroundings:
    """The least a node call needs: no previews, no interruption; the folders are only looked into."""

    node_id: str = "1"
    prompt: Mapping[str, Any] = field(default_factory=dict[str, Any])
    extra_pnginfo: Mapping[str, Any] | None = None
    metadata: bool = False
    preview_method: str = "none"
    preview_size: int = 512

    folders: DataFolders = field(default_factory=lambda: data_folders(Path("workspace")))
    models: ModelStore = field(default_factory=lambda: ModelStore(CPU))

    def progress(self, value: float, total: float) -> None:
        """Nobody looks."""

    def preview(self, image: bytes, image_type: str = "image/jpeg") -> None:
        """Nobody looks."""

    def interrupted(self) -> bool:
        """Never."""
        return False

    def created(self, path: Path) -> None:
        """No node here writes files."""


class Painter:
    """Text to picture by node calls: CLIPTextEncode, EmptyLatentImage, KSampler, VAEDecode."""

    def __init__(self, checkpoint: Path, settings: Settings) -> None:
        self._nodes, self._context, self._settings = builtin_nodes(), Surroundings(), settings
        loaded = load_checkpoint(checkpoint, torch.device("cpu"))
        self._model, self._clip, self._vae = loaded.diffusion_model, loaded.text_encoder, loaded.vae

    def __call__(self, text: str, seed: int) -> Tensor:
        """Picture float32 [128, 128, 3], 0..1."""
        latent = self._call("EmptyLatentImage", width=SIZE, height=SIZE, batch_size=1)
        samples = self._call(
            "KSampler",
            model=self._model,
            seed=seed,
            steps=self._settings.steps,
            cfg=self._settings.cfg,
            sampler_name=self._settings.sampler,
            scheduler=self._settings.scheduler,
            positive=self._call("CLIPTextEncode", clip=self._clip, text=text),
            negative=self._call("CLIPTextEncode", clip=self._clip, text=""),
            latent_image=latent,
            denoise=1.0,
        )
        return self._call("VAEDecode", samples=samples, vae=self._vae)[0]

    def _call(self, class_type: str, **inputs: Any) -> Any:
        result = self._nodes[class_type].run(self._context, **inputs)
        if not isinstance(result, tuple):
            raise TypeError(f"{class_type} did not answer with plain outputs.")
        return result[0]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Scenes that are counted together."""

    name: str
    scenes: list[Scene]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """A finished picture and what the judge says."""

    text: str
    picture: Tensor
    verdict: Verdict


def groups(chance: random.Random, pairs: int) -> list[Group]:
    """Captions to draw: seen combinations, held-out ones, and seen ones with a place or a size word."""
    few = max(1, pairs * 3 // 10)
    plain = [draw_scene(chance, SEEN, 0) for _ in range(pairs)]
    unseen = [draw_scene(chance, HELD_OUT, 0) for _ in range(max(1, pairs // 2))]
    placed = [_worded(chance, place=chance.choice(tuple(PLACES))) for _ in range(few)]
    sized = [_worded(chance, size=chance.choice(SIZES)) for _ in range(few)]
    return [
        Group(name="seen", scenes=plain),
        Group(name="held out", scenes=unseen),
        Group(name="place words", scenes=placed),
        Group(name="size words", scenes=sized),
    ]


def _worded(chance: random.Random, *, size: str = "", place: str = "") -> Scene:
    colour, shape, background = chance.choice(SEEN)
    return Scene(shape=shape, colour=colour, background=background, size=size, place=place)


def draw_group(painter: Painter, chance: random.Random, group: Group) -> list[Drawn]:
    """One picture per scene, each with a seed of its own."""
    drawn = []
    for scene in group.scenes:
        text = caption(scene)
        picture = painter(text, chance.getrandbits(64))
        drawn.append(Drawn(text=text, picture=picture, verdict=judge(picture, scene)))
    return drawn


def percent(answers: Sequence[bool | None]) -> float | None:
    """Share of true answers among those that are answers; None when there are none."""
    given = [answer for answer in answers if answer is not None]
    return 100 * sum(given) / len(given) if given else None


def row(name: str, drawn: Sequence[Drawn]) -> str:
    """One line of the table."""
    verdicts = [each.verdict for each in drawn]
    columns = (
        percent([verdict.background for verdict in verdicts]),
        percent([verdict.colour for verdict in verdicts]),
        percent([verdict.shape for verdict in verdicts]),
        percent([verdict.similar for verdict in verdicts]),
        percent([verdict.place for verdict in verdicts]),
        percent([verdict.size for verdict in verdicts]),
    )
    cells = "".join(f"{'-' if value is None else f'{value:.1f} %':>12}" for value in columns)
    return f"{name:<14}{len(drawn):>6}{cells}"


def contact_sheet(drawn: Sequence[Drawn], path: Path) -> None:
    """Pictures with their captions below, as one PNG."""
    shown = drawn[: SHEET_COLUMNS * SHEET_ROWS]
    rows = -(-len(shown) // SHEET_COLUMNS)
    sheet = Pillow.new("RGB", (SHEET_COLUMNS * (SIZE + 8), rows * (SIZE + LINE + 8)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, each in enumerate(shown):
        column, line = number % SHEET_COLUMNS, number // SHEET_COLUMNS
        left, top = column * (SIZE + 8) + 4, line * (SIZE + LINE + 8) + 4
        sheet.paste(Pillow.fromarray((each.picture * 255).byte().numpy()), (left, top))
        pen.multiline_text(
            (left, top + SIZE + 1), _two_lines(each.text), fill="black", font_size=9, spacing=1
        )
    sheet.save(path, optimize=True)


def _two_lines(text: str) -> str:
    words = text.split()
    half = len(words) // 2 + len(words) % 2
    return " ".join(words[:half]) + "\n" + " ".join(words[half:])


def main() -> None:
    """Draw, judge, print; says beside each figure of the seen combinations what it should be."""
    options = _options()
    seed = options.seed if options.seed is not None else random.SystemRandom().getrandbits(32)
    settings = Settings(
        cfg=options.cfg, steps=options.steps, sampler=options.sampler, scheduler=options.scheduler
    )
    painter, chance = Painter(options.checkpoint, settings), repeatable(seed)
    painter("a red circle on a blue background", 0)
    print(f"Seed {seed}, {settings}, {torch.get_num_threads()} threads")
    print(f"{'':<14}{'pairs':>6}" + "".join(f"{title:>12}" for title in (*TARGETS, "place", "size")))
    print(f"{'target (seen)':<20}" + "".join(f"{f'>= {value:.0f} %':>12}" for value in TARGETS.values()))
    everything: list[list[Drawn]] = []
    started, cpu_started = time.perf_counter(), time.process_time()
    for group in groups(chance, options.pairs):
        everything.append(draw_group(painter, chance, group))
        print(row(group.name, everything[-1]), flush=True)
    count = sum(len(drawn) for drawn in everything)
    cpu_s, wall_s = (time.process_time() - cpu_started) / count, (time.perf_counter() - started) / count
    print(
        f"{cpu_s:.2f} CPU seconds and {wall_s:.2f} s on the clock per picture, judging included (target 1.5)"
    )
    if options.sheet:
        shares = (20, 8, 6, 6)  # of the sheet's 40 places, in the order of the groups
        contact_sheet(
            [each for drawn, share in zip(everything, shares, strict=True) for each in drawn[:share]],
            options.sheet,
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge_demo_model", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--pairs", type=int, default=200, help="seen captions; the other groups are smaller")
    parser.add_argument("--seed", type=int, help="repeat a run; fresh by default")
    parser.add_argument("--cfg", type=float, default=4.0)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--sampler", default="euler")
    parser.add_argument("--scheduler", default="normal")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet to this PNG file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
