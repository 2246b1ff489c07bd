"""Each input of each node of models, texts, control nets, files and autoencoders changes what comes of it.

One input at a time gets another value; runs, encoded texts and written files are compared.
"""

from collections.abc import Callable
from functools import cache

import pytest

from tests.golden_models import GoldenModels
from tests.integration.nodes import conditioning_starts, file_starts, model_starts, test_model_changes
from tests.integration.nodes.kit import Kit, Seen, Start, differ
from tests.unit.nodes import test_merging
from tests.unit.nodes.tiny_runs import NODES

STARTS = {
    "sd1": {**model_starts.STARTS, **conditioning_starts.STARTS, **file_starts.STARTS},
    "sd2": conditioning_starts.SD2_STARTS,
    "sdxl": {**model_starts.XL_STARTS, **conditioning_starts.XL_STARTS, **file_starts.XL_STARTS},
    "refiner": conditioning_starts.REFINER_STARTS,
}
"""By the family that the nodes are tried on."""
SECOND = {"sd1": "golden_sd1_b", "sdxl": "golden_sdxl_b"}
WITHOUT_EFFECT = {
    ("CLIPLoader", "device"): "a place to compute; test_pipeline.py sees it",
    ("ControlNetApplyAdvanced", "vae"): "for nets that take latents, of other families",
    ("ControlNetApplySD3", "vae"): "for nets that take latents, of other families",
    ("ControlNetInpaintingAliMamaApply", "vae"): "for nets that take latents, of other families",
    ("DualCLIPLoader", "device"): "a place to compute, as of CLIPLoader",
    ("EasyCache", "verbose"): "lines in the log; test_model_changes.py reads them",
    ("VAEDecodeTiled", "temporal_overlap"): "for films, of other families",
    ("VAEDecodeTiled", "temporal_size"): "for films, of other families",
    ("VAEEncodeTiled", "temporal_overlap"): "for films, of other families",
    ("VAEEncodeTiled", "temporal_size"): "for films, of other families",
    ("WebcamCapture", "capture_on_queue"): "for the page alone",
    ("WebcamCapture", "height"): "for the page alone, which takes the picture",
    ("WebcamCapture", "width"): "for the page alone, which takes the picture",
}
"""Inputs that change no result here, each with the reason."""
REFUSED = {("CLIPLoader", "type"), ("DualCLIPLoader", "type")}
"""Inputs whose other values belong to families that cannot be run yet."""
ELSEWHERE = {*test_model_changes.INPUTS, *test_merging.RATIOS}
"""Inputs that other tests try in this way."""
INPUTS = [
    (family, class_type, each.name)
    for family, starts in STARTS.items()
    for class_type in starts
    for each in NODES[class_type].schema.inputs
    if (class_type, each.name) not in {*WITHOUT_EFFECT, *ELSEWHERE}
]
_begun: dict[str, tuple[Start, Seen]] = {}


@pytest.fixture(scope="module")
def kit_of(golden_models: GoldenModels) -> Callable[[str], Kit]:
    return cache(lambda family: Kit(golden_models, family, SECOND.get(family, "")))


@pytest.mark.parametrize(("family", "class_type", "name"), INPUTS)
def test_input_changes_what_comes_of_the_node(
    kit_of: Callable[[str], Kit], family: str, class_type: str, name: str
) -> None:
    kit = kit_of(family)
    start, before = begun(kit, family, class_type)
    other = {name: start.others[name]}

    if (class_type, name) in REFUSED:
        with pytest.raises(Exception, match="cannot be run yet") as caught:
            kit.outcome(class_type, start, other)
        assert getattr(caught.value, "code", None)
    else:
        assert differ(before, kit.outcome(class_type, start, other))


def begun(kit: Kit, family: str, class_type: str) -> tuple[Start, Seen]:
    """Where the trial begins and what comes of it, which is the same twice; found out once per node."""
    if class_type not in _begun:
        start = STARTS[family][class_type](kit)
        first = kit.outcome(class_type, start, {})
        assert first
        assert not differ(first, kit.outcome(class_type, start, {}))
        _begun[class_type] = start, first
    return _begun[class_type]
