"""Puts tensors from a file into a network made on the meta device; shared by the loaders of all parts."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch import device as Device

from app.inference.models.errors import WeightsDoNotFit
from app.inference.models.files.model_file import ModelFile
from app.inference.models.files.scaled_fp8 import factors
from app.inference.models.files.stored import Stored
from app.inference.models.weights import Original, PatchedWeights

Network = TypeVar("Network", bound=nn.Module)
_SHOWN = 3  # names listed in a message


@torch.inference_mode(mode=False)  # tensors made in inference mode could not be exchanged later
def build(
    make: Callable[[], Network],
    file: ModelFile,
    names: Mapping[str, str | Stored],
    *,
    part: str,
    device: Device,
    dtype: torch.dtype,
    rounded_to: torch.dtype | None = None,
) -> PatchedWeights[Network]:
    """Make a network without memory of its own and give it the file's tensors; the weights know both.

    `names` maps the network's tensor names to the file's. Nothing is read but the table of contents: tensors
    are mapped from disk, and those of another number format, or for another device, are converted when the
    network is at work for the first time. Raises WeightsDoNotFit when tensors are missing or have other
    shapes than the network. `rounded_to`: the 8-bit format that the weights are kept in, but for those that
    the file stores in 8 bits and with a factor.
    """
    network = _empty(make, file, part)
    wanted = network.state_dict()
    sources = {name: Stored(each) if isinstance(each, str) else each for name, each in names.items()}
    _check(file, sources, wanted, part)
    by_file_name: defaultdict[str, list[str]] = defaultdict(list)
    for name in wanted:
        by_file_name[sources[name].name].append(name)
    originals: dict[str, Original] = {}
    at_home: dict[str, Tensor] = {}
    weights: dict[str, Tensor] = {}
    scales = factors(file, by_file_name)
    for stored_name, tensor in file.read(list(by_file_name)):
        for name in by_file_name[stored_name]:
            stored = sources[name].view(tensor).reshape(wanted[name].shape)
            if stored_name in scales:
                at_home[name] = stored
                originals[name] = partial(_scaled, stored, scales[stored_name])
            else:
                stored = stored if rounded_to is None else stored.to(rounded_to)
                originals[name] = partial(_same, stored)
            weights[name] = stored
    network.load_state_dict(weights, strict=True, assign=True)
    network.eval().requires_grad_(False)
    return PatchedWeights(network, originals, device=device, dtype=dtype, at_home=at_home)


def _same(stored: Tensor) -> Tensor:
    return stored


def _scaled(stored: Tensor, factor: Tensor) -> Tensor:
    return stored.float() * factor


def _empty(make: Callable[[], Network], file: ModelFile, part: str) -> Network:
    """The network without memory; its constructor refuses widths that groups or heads do not divide."""
    try:
        with torch.device("meta"):
            return make()
    except ValueError as error:
        raise WeightsDoNotFit(
            file.path, f"has a {part} of impossible sizes ({error})", "Choose another file."
        ) from error


def _check(file: ModelFile, sources: Mapping[str, Stored], wanted: Mapping[str, Tensor], part: str) -> None:
    missing = sorted(name for name in wanted if name not in sources)
    if missing:
        raise _does_not_fit(file, f"lacks {len(missing)} tensors of its {part}, such as", missing)
    wrong: list[str] = []
    for name, tensor in wanted.items():
        source = sources[name]
        shape = file.tensors[source.name].shape
        if not _same_shape(source.shape(shape), tuple(tensor.shape)):
            wrong.append(f"{source.name} {list(shape)}")
    if wrong:
        raise _does_not_fit(file, f"has tensors in its {part} whose sizes contradict the others:", wrong)


def _same_shape(stored: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Equal, but for 1x1 convolutions that stand for linear layers."""
    return stored == wanted or (len(stored) == 4 and stored[2:] == (1, 1) and stored[:2] == wanted)


def _does_not_fit(file: ModelFile, what: str, examples: list[str]) -> WeightsDoNotFit:
    return WeightsDoNotFit(
        file.path,
        f"{what} {', '.join(examples[:_SHOWN])}",
        "It may be an incomplete export or a family that cannot be run yet.",
    )
