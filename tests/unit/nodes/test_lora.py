"""LoRA nodes on a tiny checkpoint: what changes, how much, and that nothing stays behind."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from app.files.errors import FileNotAvailable
from tests.checkpoints import save_tiny, tiny_weights
from tests.loras import TEXT_LAYERS, UNET_LAYERS, kohya_name, lora_tensors, merged, save_lora
from tests.unit.nodes.recording_context import RecordingContext
from tests.unit.nodes.tiny_runs import call, distance, load, sampled

ALL = (*UNET_LAYERS, *TEXT_LAYERS)


@pytest.fixture(scope="module")
def checkpoint_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny.safetensors")


@pytest.fixture
def context(tmp_path: Path, checkpoint_file: Path) -> RecordingContext:
    made = RecordingContext(tmp_path)
    (made.folders.base / "models/checkpoints/tiny.safetensors").hardlink_to(checkpoint_file)
    save_lora(made.folders.base / "models/loras/a.safetensors", lora_tensors())
    save_lora(made.folders.base / "models/loras/b.safetensors", lora_tensors(seed=200))
    save_lora(made.folders.base / "models/loras/dora.safetensors", lora_tensors(seed=300, dora=True))
    return made


def with_loras(context: RecordingContext, *loras: tuple[str, float, float]) -> tuple[Any, Any]:
    """Model and text encoder under a chain of (name, strength_model, strength_clip)."""
    model, clip = load(context)
    for name, strength_model, strength_clip in loras:
        model, clip = call(
            context,
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name=f"{name}.safetensors",
            strength_model=strength_model,
            strength_clip=strength_clip,
        )
    return model, clip


def test_full_strength_changes_the_picture(context: RecordingContext) -> None:
    plain = sampled(context, *load(context))

    assert distance(sampled(context, *with_loras(context, ("a", 1, 1))), plain) > 1e-2


def test_no_strength_is_the_base_and_does_not_open_the_file(context: RecordingContext) -> None:
    model, clip = load(context)
    (context.folders.base / "models/loras/broken.safetensors").write_text("nothing")
    broken = {"lora_name": "broken.safetensors", "strength_model": 0.0}

    same_model, same_clip = call(context, "LoraLoader", model=model, clip=clip, strength_clip=0.0, **broken)
    (again,) = call(context, "LoraLoaderModelOnly", model=model, **broken)

    assert (same_model, same_clip, again) == (model, clip, model)


def test_one_strength_of_zero_leaves_that_part_as_it_is(context: RecordingContext) -> None:
    model, clip = load(context)
    plain = sampled(context, model, clip)

    text_only, changed_clip = with_loras(context, ("a", 0, 1))
    changed_model, model_only = with_loras(context, ("a", 1, 0))

    assert torch.equal(sampled(context, text_only, clip), plain)
    assert torch.equal(sampled(context, model, model_only), plain)
    assert not torch.equal(sampled(context, model, changed_clip), plain)
    assert not torch.equal(sampled(context, changed_model, clip), plain)


def test_a_lora_equals_a_checkpoint_that_it_was_worked_into(context: RecordingContext) -> None:
    checkpoint = context.folders.base / "models/checkpoints/merged.safetensors"
    save_file(merged(tiny_weights(), lora_tensors(), 0.7), checkpoint)

    applied = sampled(context, *with_loras(context, ("a", 0.7, 0.7)))

    assert distance(applied, sampled(context, *load(context, "merged.safetensors"))) < 1e-4


def test_every_byte_is_back_after_a_lora(context: RecordingContext) -> None:
    model, clip = load(context)
    networks = (model.network.network, clip.towers[0].network.weights.network)
    plain = sampled(context, model, clip)
    before = [{name: each.clone() for name, each in net.state_dict().items()} for net in networks]

    for chain in ([("a", 1, 1)], [("dora", 0.5, 0.5), ("b", -1, 2)], [("b", 1, 1)]):
        sampled(context, *with_loras(context, *chain))
    again = sampled(context, model, clip)

    assert torch.equal(again, plain)
    for net, tensors in zip(networks, before, strict=True):
        for name, tensor in net.state_dict().items():
            assert torch.equal(tensor.view(torch.uint8), tensors[name].view(torch.uint8)), name


@pytest.mark.parametrize("layer", ALL)
def test_each_layer_of_a_file_changes_the_picture(context: RecordingContext, layer: str) -> None:
    save_lora(context.folders.base / "models/loras/one.safetensors", lora_tensors([layer]))
    plain = sampled(context, *load(context))

    assert distance(sampled(context, *with_loras(context, ("one", 1, 1))), plain) > 1e-4


def test_strengths_scale_the_change(context: RecordingContext) -> None:
    plain, full, half = (
        sampled(context, *with_loras(context, ("a", strength, strength))) for strength in (0, 1, 0.5)
    )

    assert distance(half, plain) < distance(full, plain)
    assert distance(half, full) > 1e-2


def test_negative_strength_takes_a_lora_off_again(context: RecordingContext) -> None:
    plain = sampled(context, *load(context))

    assert distance(sampled(context, *with_loras(context, ("a", 1, 1), ("a", -1, -1))), plain) < 1e-4


def test_the_order_of_plain_loras_does_not_matter(context: RecordingContext) -> None:
    first = sampled(context, *with_loras(context, ("a", 0.8, 0.8), ("b", 0.5, 0.5)))
    second = sampled(context, *with_loras(context, ("b", 0.5, 0.5), ("a", 0.8, 0.8)))

    assert distance(first, second) < 1e-4


def test_the_order_matters_where_a_lora_looks_at_the_weight(context: RecordingContext) -> None:
    first = sampled(context, *with_loras(context, ("a", 0.8, 0.8), ("dora", 1, 1)))
    second = sampled(context, *with_loras(context, ("dora", 1, 1), ("a", 0.8, 0.8)))

    assert distance(first, second) > 1e-2


def test_model_only_leaves_the_text_alone(context: RecordingContext) -> None:
    model, clip = load(context)

    (changed,) = call(
        context, "LoraLoaderModelOnly", model=model, lora_name="a.safetensors", strength_model=0.8
    )

    expected = sampled(context, with_loras(context, ("a", 0.8, 0))[0], clip)
    assert torch.equal(sampled(context, changed, clip), expected)


def test_a_file_without_matching_keys_changes_nothing_and_says_so(
    context: RecordingContext, caplog: pytest.LogCaptureFixture
) -> None:
    save_lora(context.folders.base / "models/loras/other.safetensors", {"something.weight": torch.ones(2, 2)})
    plain = sampled(context, *load(context))

    with caplog.at_level(logging.WARNING):
        same = sampled(context, *with_loras(context, ("other", 1, 1)))

    assert torch.equal(same, plain)
    assert caplog.messages == ["other.safetensors changes nothing: no key of it belongs to this model."]


def test_unknown_keys_are_named_once(context: RecordingContext, caplog: pytest.LogCaptureFixture) -> None:
    strange = {f"lora_unet_nowhere_{n}.lora_up.weight": torch.ones(4, 4) for n in range(3)}
    save_lora(context.folders.base / "models/loras/more.safetensors", lora_tensors() | strange)

    with caplog.at_level(logging.WARNING):
        model, clip = with_loras(context, ("more", 1, 1))
        sampled(context, model, clip)

    assert caplog.messages == [
        "Keys of more.safetensors that belong to no layer of this model: 3, such as lora_unet_nowhere_0"
    ]


def test_layers_of_another_size_are_named_and_left_alone(
    context: RecordingContext, caplog: pytest.LogCaptureFixture
) -> None:
    name = kohya_name(UNET_LAYERS[0])
    wide = {f"{name}.lora_up.weight": torch.ones(96, 4), f"{name}.lora_down.weight": torch.ones(4, 96)}
    save_lora(context.folders.base / "models/loras/wide.safetensors", wide)
    plain = sampled(context, *load(context))

    with caplog.at_level(logging.WARNING):
        same = sampled(context, *with_loras(context, ("wide", 1, 1)))

    assert torch.equal(same, plain)
    assert caplog.messages == [
        f"Layers of wide.safetensors that have another size than this model's: 1, such as {name}"
    ]


def test_a_text_part_is_not_missed_by_the_model_only_node(
    context: RecordingContext, caplog: pytest.LogCaptureFixture
) -> None:
    model, _ = load(context)

    with caplog.at_level(logging.WARNING):
        call(context, "LoraLoaderModelOnly", model=model, lora_name="a.safetensors", strength_model=1.0)

    assert caplog.messages == []


def test_a_file_that_vanished_is_named(context: RecordingContext) -> None:
    model, clip = load(context)
    context.folders.models.resolve("loras", "a.safetensors").unlink()

    with pytest.raises(FileNotAvailable, match=r"a\.safetensors"):
        call(
            context,
            "LoraLoader",
            model=model,
            clip=clip,
            lora_name="a.safetensors",
            strength_model=1.0,
            strength_clip=1.0,
        )
