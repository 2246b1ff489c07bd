"""Merge nodes on tiny checkpoints: what comes of two models, and of patches that they bring along."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from app.inference.patches.merge import ModelsDoNotMatch
from tests.checkpoints import TEXT, UNET, Tiny, save_tiny, tiny_weights
from tests.integration.nodes.recorded_nodes.merges import model_of_numbers, numbers_of
from tests.loras import lora_tensors, merged, save_lora
from tests.unit.nodes.recording_context import RecordingContext
from tests.unit.nodes.tiny_runs import NODES, call, distance, load, sampled

EQUAL = 1e-4  # relative distance of latents that are the same up to rounding
OTHER_SEED = 50
BY_BLOCK = ("ModelMergeBlocks", "ModelMergeSD1", "ModelMergeSDXL")
RATIOS = [
    (class_type, each.name)
    for class_type in BY_BLOCK
    for each in NODES[class_type].schema.inputs
    if each.type == "FLOAT"
]


@pytest.fixture(scope="module")
def checkpoint_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tiny(folder / "tiny.safetensors")
    save_tiny(folder / "other.safetensors", seed=OTHER_SEED)
    return folder


@pytest.fixture
def context(tmp_path: Path, checkpoint_files: Path) -> RecordingContext:
    made = RecordingContext(tmp_path)
    for file in checkpoint_files.iterdir():
        (made.folders.base / "models/checkpoints" / file.name).hardlink_to(file)
    save_lora(made.folders.base / "models/loras/a.safetensors", lora_tensors())
    return made


def from_formula(context: RecordingContext, part: str, formula: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A run on a checkpoint whose tensors under `part` were mixed before it was written."""
    first, second = tiny_weights(), tiny_weights(seed=OTHER_SEED)
    mixed = {
        name: formula(each.double(), second[name].double()).float() if name.startswith(part) else each
        for name, each in first.items()
    }
    path = context.folders.base / "models/checkpoints/formula.safetensors"
    save_file({name: each.contiguous() for name, each in mixed.items()}, path)
    return sampled(context, *load(context, path.name))


@pytest.mark.parametrize(
    ("node", "given", "formula"),
    [
        ("Simple", {"ratio": 0.3}, lambda w1, w2: 0.3 * w1 + 0.7 * w2),
        ("Subtract", {"multiplier": 1.5}, lambda w1, w2: 1.5 * (w1 - w2)),
        ("Add", {}, lambda w1, w2: w1 + w2),
    ],
)
@pytest.mark.parametrize("kind", ["Model", "CLIP"])
def test_a_merge_equals_a_checkpoint_that_was_mixed_before(
    context: RecordingContext,
    kind: str,
    node: str,
    given: dict[str, float],
    formula: Callable[[Tensor, Tensor], Tensor],
) -> None:
    (model, clip), (model2, clip2) = load(context), load(context, "other.safetensors")

    if kind == "Model":
        (model,) = call(context, f"ModelMerge{node}", model1=model, model2=model2, **given)
    else:
        (clip,) = call(context, f"CLIPMerge{node}", clip1=clip, clip2=clip2, **given)

    expected = from_formula(context, UNET if kind == "Model" else TEXT, formula)
    assert distance(sampled(context, model, clip), expected) < EQUAL


def test_the_first_model_alone_is_left_as_it_is(context: RecordingContext) -> None:
    (model, clip), (model2, clip2) = load(context), load(context, "other.safetensors")

    (same,) = call(context, "ModelMergeSimple", model1=model, model2=model2, ratio=1.0)
    (same_clip,) = call(context, "CLIPMergeSimple", clip1=clip, clip2=clip2, ratio=1.0)

    assert same is model
    assert torch.equal(sampled(context, same, same_clip), sampled(context, model, clip))


def test_none_of_the_first_model_is_the_second(context: RecordingContext) -> None:
    (model, clip), (model2, clip2) = load(context), load(context, "other.safetensors")

    (second,) = call(context, "ModelMergeSimple", model1=model, model2=model2, ratio=0.0)
    (second_clip,) = call(context, "CLIPMergeSimple", clip1=clip, clip2=clip2, ratio=0.0)

    assert distance(sampled(context, second, second_clip), sampled(context, model2, clip2)) < EQUAL


def test_a_difference_added_to_its_base_gives_the_model_again(context: RecordingContext) -> None:
    (model, clip), (model2, _) = load(context), load(context, "other.safetensors")

    (difference,) = call(context, "ModelMergeSubtract", model1=model, model2=model2, multiplier=1.0)
    (again,) = call(context, "ModelMergeAdd", model1=difference, model2=model2)

    assert distance(sampled(context, again, clip), sampled(context, model, clip)) < 1e-3


def test_a_lora_of_either_model_takes_part(context: RecordingContext) -> None:
    (model, clip), (model2, _) = load(context), load(context, "other.safetensors")
    lora = {"lora_name": "a.safetensors", "strength_model": 1.0}
    (first,) = call(context, "LoraLoaderModelOnly", model=model, **lora)
    (second,) = call(context, "LoraLoaderModelOnly", model=model2, **lora)
    change = {
        name: each - tiny_weights()[name]
        for name, each in merged(tiny_weights(), lora_tensors(), 1.0).items()
        if name.startswith(UNET)
    }
    names = iter(name for name in tiny_weights() if name.startswith(UNET))
    expected = from_formula(context, UNET, lambda w1, w2: 0.5 * w1 + 0.5 * w2 + 0.5 * change[next(names)])

    (on_first,) = call(context, "ModelMergeSimple", model1=first, model2=model2, ratio=0.5)
    (on_second,) = call(context, "ModelMergeSimple", model1=model, model2=second, ratio=0.5)

    assert distance(sampled(context, on_first, clip), expected) < EQUAL
    assert distance(sampled(context, on_second, clip), expected) < EQUAL


def test_merging_leaves_both_models_as_they_were(context: RecordingContext) -> None:
    (model, clip), (model2, clip2) = load(context), load(context, "other.safetensors")
    before = sampled(context, model, clip), sampled(context, model2, clip2)

    (mixed,) = call(context, "ModelMergeSimple", model1=model, model2=model2, ratio=0.5)
    changed = sampled(context, mixed, clip)

    assert torch.equal(sampled(context, model, clip), before[0])
    assert torch.equal(sampled(context, model2, clip2), before[1])
    assert distance(changed, before[0]) > 1e-2


def test_merges_can_be_merged(context: RecordingContext) -> None:
    (model, clip), (model2, _) = load(context), load(context, "other.safetensors")
    (half,) = call(context, "ModelMergeSimple", model1=model, model2=model2, ratio=0.5)

    (quarter,) = call(context, "ModelMergeSimple", model1=half, model2=model2, ratio=0.5)
    (other_way,) = call(context, "ModelMergeSimple", model1=model2, model2=half, ratio=0.5)

    expected = from_formula(context, UNET, lambda w1, w2: 0.25 * w1 + 0.75 * w2)
    assert distance(sampled(context, quarter, clip), expected) < EQUAL
    assert distance(sampled(context, other_way, clip), expected) < EQUAL


@pytest.mark.parametrize("class_type", BY_BLOCK)
def test_every_ratio_acts_on_its_block_and_on_nothing_else(
    context: RecordingContext, class_type: str
) -> None:
    ratios = [name for node, name in RATIOS if node == class_type]
    tensors = [f"{name.rstrip('.')}.weight" for name in ratios]
    models = {
        "model1": model_of_numbers(dict.fromkeys(tensors, 1.0)),
        "model2": model_of_numbers(dict.fromkeys(tensors, 3.0)),
    }

    for name, tensor in zip(ratios, tensors, strict=True):
        (mixed,) = call(context, class_type, **models, **dict.fromkeys(ratios, 1.0) | {name: 0.25})
        assert numbers_of(mixed) == dict.fromkeys(tensors, 1.0) | {tensor: 2.5}


def test_layers_without_a_counterpart_stay_and_are_named(
    context: RecordingContext, caplog: pytest.LogCaptureFixture
) -> None:
    with_more = model_of_numbers({"a.weight": 1.0, "b.weight": 2.0})
    other = model_of_numbers({"a.weight": 5.0, "c.weight": 7.0})

    with caplog.at_level(logging.WARNING):
        (mixed,) = call(context, "ModelMergeSimple", model1=with_more, model2=other, ratio=0.5)

    assert numbers_of(mixed) == {"a.weight": 3.0, "b.weight": 2.0}
    assert caplog.messages == [
        "Layers that the models do not share stay as in the first: 1, such as b.weight"
    ]


def test_models_without_anything_in_common_are_refused(context: RecordingContext) -> None:
    save_tiny(context.folders.base / "models/checkpoints/wide.safetensors", Tiny(channels=64, text_width=128))
    (model, clip), (model2, clip2) = load(context), load(context, "wide.safetensors")
    apart = model_of_numbers({"a.weight": 1.0}), model_of_numbers({"b.weight": 1.0})

    with pytest.raises(ModelsDoNotMatch):
        call(context, "ModelMergeAdd", model1=apart[0], model2=apart[1])
    with pytest.raises(ModelsDoNotMatch):
        call(context, "CLIPMergeAdd", clip1=clip, clip2=clip2)
    assert model is not model2


@pytest.mark.parametrize("factor", ["q", "k", "v", "out"])
@pytest.mark.parametrize(
    "class_type", ["UNetSelfAttentionMultiply", "UNetCrossAttentionMultiply", "CLIPAttentionMultiply"]
)
def test_every_factor_of_attention_acts(context: RecordingContext, class_type: str, factor: str) -> None:
    model, clip = load(context)
    plain = sampled(context, model, clip)
    factors = dict.fromkeys(("q", "k", "v", "out"), 1.0)

    def multiplied(**given: float) -> Tensor:
        if class_type.startswith("UNet"):
            return sampled(context, call(context, class_type, model=model, **given)[0], clip)
        return sampled(context, model, call(context, class_type, clip=clip, **given)[0])

    assert torch.equal(multiplied(**factors), plain)
    assert distance(multiplied(**factors | {factor: 3.0}), plain) > 1e-4
