"""Models, texts, pictures and files that nodes are tried on, and how what they give is looked at."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from app.nodes.declare import NodeResult
from tests.golden_models import GoldenModels
from tests.unit.nodes.recording_context import RecordingContext
from tests.unit.nodes.tiny_runs import NODES, call

TEXTS = ("a red fox in the snow", "blurry", "a bright lake at night")
NUMBERS = {"seed": 7, "steps": 2, "cfg": 4.0, "denoise": 1.0, "sampler_name": "euler", "scheduler": "normal"}
Seen: TypeAlias = list[Tensor | bytes | str]
"""Everything that came of a node, comparable."""


@dataclass(frozen=True)
class Start:
    """Inputs to begin with, over the declared defaults, and another value for each input that is tried.

    `see` turns the node's outputs into what can be compared, where the kit's own way does not show it.
    """

    inputs: dict[str, Any]
    others: dict[str, Any]
    see: Callable[["Kit", tuple[Any, ...]], Seen] | None = field(default=None, kw_only=True)


class Kit:
    """The parts of two models of a family, and things to sample with them."""

    def __init__(self, models: GoldenModels, family: str = "sd1", second: str = "golden_sd1_b") -> None:
        self.models = models
        self.context = models.context()
        self.base = Path(models.base)
        self.model, self.clip, self.vae = self.load(models.checkpoint(family).name)
        self._second = f"{second}.safetensors"

    def load(self, name: str) -> tuple[Any, ...]:
        """The three parts of a checkpoint."""
        self.models.path(name)
        return call(self.context, "CheckpointLoaderSimple", ckpt_name=name)

    @cached_property
    def other(self) -> tuple[Any, ...]:
        """The parts of another model of the family."""
        return self.load(self._second)

    @cached_property
    def texts(self) -> tuple[Any, ...]:
        """A positive, a negative and a third conditioning."""
        return tuple(call(self.context, "CLIPTextEncode", clip=self.clip, text=text)[0] for text in TEXTS)

    @cached_property
    def empty(self) -> Any:
        """A latent of 8 x 8 cells without content."""
        return call(self.context, "EmptyLatentImage", width=64, height=64, batch_size=1)[0]

    @cached_property
    def pictures(self) -> tuple[Any, Any]:
        """Two pictures of 64 x 64."""
        torch.manual_seed(4)
        first = torch.rand(1, 64, 64, 3)
        return first, 1 - first

    @cached_property
    def masks(self) -> tuple[Any, Any]:
        """Two masks of 64 x 64: a square, and a soft edge."""
        square = torch.zeros(1, 64, 64)
        square[:, 24:56, 16:40] = 1
        return square, torch.linspace(0, 1, 64).expand(1, 64, 64).clone()

    @cached_property
    def latents(self) -> tuple[Any, Any]:
        """The pictures, encoded."""
        encoded = (call(self.context, "VAEEncode", pixels=each, vae=self.vae)[0] for each in self.pictures)
        first, second = encoded
        return first, second

    @cached_property
    def nets(self) -> tuple[Any, Any]:
        """Two control nets."""
        names = ("golden_sd1_control.safetensors", "golden_sd1_control2.safetensors")
        for name in names:
            self.models.path(name)
        first, second = (call(self.context, "ControlNetLoader", control_net_name=each)[0] for each in names)
        return first, second

    def two_files(self, name: str) -> tuple[str, str]:
        """A file and another one with the same names and other numbers."""
        path = self.models.path(name)
        other = path.with_stem(f"{path.stem}_other")
        if path.suffix == ".safetensors" and not other.exists():
            save_file({key: tensor * 0.9 for key, tensor in load_file(path).items()}, other)
        return path.name, other.name

    def copied(self, name: str, folder: str) -> str:
        """A file in another folder of models, too."""
        path = self.models.path(name)
        target = self.base / "models" / folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy(path, target)
        return name

    def sampled(self, **parts: Any) -> Tensor:
        """The latent of a short run with the kit's own parts where none are given."""
        sides = {"positive": self.texts[0], "negative": self.texts[1]}
        inputs = {"model": self.model, "latent_image": self.empty, **sides, **NUMBERS, **parts}
        return call(self.context, "KSampler", **inputs)[0].samples

    def encoded(self, clip: Any) -> Seen:
        """The first text by another text encoder."""
        (entry,) = call(self.context, "CLIPTextEncode", clip=clip, text=TEXTS[0])[0]
        return [entry.tokens, entry.pooled]

    def steered(self, net: Any) -> Seen:
        """A run that a control net steers."""
        sides = {"positive": self.texts[0], "negative": self.texts[1]}
        when = {"strength": 1.0, "start_percent": 0.0, "end_percent": 1.0}
        inputs = {"control_net": net, "image": self.pictures[0], **sides, **when}
        positive, negative = call(self.context, "ControlNetApplyAdvanced", **inputs)
        return [self.sampled(positive=positive, negative=negative)]

    def walked(self, guider: Any) -> Seen:
        """A run with a guider."""
        get = self.context
        parts = {
            "noise": call(get, "RandomNoise", noise_seed=3)[0],
            "sampler": call(get, "KSamplerSelect", sampler_name="euler")[0],
            "sigmas": call(get, "BasicScheduler", model=self.model, scheduler="normal", steps=2, denoise=1.0)[
                0
            ],
        }
        walked = call(get, "SamplerCustomAdvanced", guider=guider, latent_image=self.empty, **parts)
        return [walked[0].samples]

    def outcome(self, class_type: str, start: Start, changes: dict[str, Any]) -> Seen:
        """Call a node and look at everything that came of it: outputs, files, frames for the page."""
        context: RecordingContext = self.models.context()
        given = {**defaults(class_type), **start.inputs, **changes}
        with torch.inference_mode():
            returned = NODES[class_type].run(context, **given)
        result = returned if isinstance(returned, NodeResult) else NodeResult(outputs=returned)
        seen: Seen = [*context.pictures]
        written = [*context.files, *_shown(context, dict(result.ui))]
        for path in written:
            seen += [path.parent.name, path.read_bytes()]
            path.unlink()
        if start.see is not None:
            return seen + start.see(self, result.outputs)
        return seen + list(self._looked_at(NODES[class_type].schema.outputs, result.outputs))

    def _looked_at(self, declared: Any, outputs: tuple[Any, ...]) -> Iterator[Tensor | bytes | str]:
        kinds = [each.type for each in declared]
        if kinds[:1] == ["CONDITIONING"]:
            names = ("positive", "negative", "latent_image")
            yield self.sampled(**dict(zip(names, outputs, strict=False)))
            return
        for kind, output in zip(kinds, outputs, strict=True):
            match kind:
                case "MODEL":
                    yield self.sampled(model=output)
                case "CLIP":
                    yield from self.encoded(output)
                case "VAE":
                    yield call(self.context, "VAEDecode", samples=self.latents[0], vae=output)[0]
                case "LATENT":
                    yield output.samples
                    if output.noise_mask is not None:
                        yield output.noise_mask
                case "CONTROL_NET":
                    yield from self.steered(output)
                case "GUIDER":
                    yield from self.walked(output)
                case "UPSCALE_MODEL":
                    yield call(
                        self.context, "ImageUpscaleWithModel", upscale_model=output, image=self.pictures[0]
                    )[0]
                case _:
                    yield output


def defaults(class_type: str) -> dict[str, Any]:
    """What stands in a new node."""
    return {
        each.name: each.options.get("default", each.choices[0] if each.choices else None)
        for each in NODES[class_type].schema.inputs
        if each.choices or "default" in each.options
    }


def differ(first: Seen, second: Seen) -> bool:
    """Whether two outcomes are different anywhere."""
    if len(first) != len(second):
        return True
    for one, other in zip(first, second, strict=True):
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            if one.shape != other.shape or not torch.equal(one, other):
                return True
        elif one != other:
            return True
    return False


def _shown(context: RecordingContext, ui: dict[str, Any]) -> list[Path]:
    """Files that a node names for the page."""
    folders = {"temp": context.folders.temp, "output": context.folders.output}
    named = [each for kind in ("images", "latents") for each in ui.get(kind, ())]
    paths = [folders[each["type"]] / each["subfolder"] / each["filename"] for each in named]
    return [path for path in paths if path not in context.files]
