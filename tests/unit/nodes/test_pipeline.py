"""Whole ways through the nodes with a tiny checkpoint: text to picture, picture to picture, masks, stops."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor

from app.files.errors import FileNotAvailable
from app.inference.interrupts import Interrupted
from app.inference.latents.batch import LatentBatch
from app.inference.models.errors import FamilyNotSupported, ModelFileError, PartMissing
from app.nodes.declare import NodeResult
from app.nodes.registry import builtin_nodes
from tests.checkpoints import Tiny, save_tiny
from tests.loras import lora_tensors, save_lora
from tests.unit.nodes.recording_context import RecordingContext

NODES = builtin_nodes()
SIZES = Tiny(text_layers=2)


@pytest.fixture(scope="module")
def checkpoint_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny.safetensors", SIZES, dtype=torch.float16)


@pytest.fixture
def context(tmp_path: Path, checkpoint_file: Path) -> RecordingContext:
    made = RecordingContext(tmp_path)
    folder = made.folders.base / "models/checkpoints/sub"
    folder.mkdir()
    (folder / "tiny.safetensors").hardlink_to(checkpoint_file)
    return made


@pytest.fixture
def inputs(context: RecordingContext) -> dict[str, Any]:
    """What a KSampler gets in the smallest useful prompt."""
    model, clip, _ = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")
    return {
        "model": model,
        "seed": 7,
        "steps": 3,
        "cfg": 4.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": call(context, "CLIPTextEncode", text="a red circle", clip=clip)[0],
        "negative": call(context, "CLIPTextEncode", text="", clip=clip)[0],
        "latent_image": call(context, "EmptyLatentImage", width=32, height=48, batch_size=1)[0],
        "denoise": 1.0,
    }


@pytest.fixture
def advanced(inputs: dict[str, Any]) -> dict[str, Any]:
    """The same for KSamplerAdvanced."""
    kept = {name: each for name, each in inputs.items() if name not in ("seed", "denoise")}
    return {
        **kept,
        "add_noise": "enable",
        "noise_seed": inputs["seed"],
        "start_at_step": 0,
        "end_at_step": 10000,
        "return_with_leftover_noise": "disable",
    }


def call(context: RecordingContext, class_type: str, **given: Any) -> tuple[Any, ...]:
    outputs = NODES[class_type].run(context, **given)
    assert isinstance(outputs, tuple)
    return outputs


def sample(context: RecordingContext, inputs: Mapping[str, Any], **changed: Any) -> Tensor:
    class_type = "KSamplerAdvanced" if "noise_seed" in inputs else "KSampler"
    (latent,) = call(context, class_type, **{**inputs, **changed})
    assert torch.isfinite(latent.samples).all()
    return latent.samples


def test_text_becomes_a_picture_file(context: RecordingContext, inputs: dict[str, Any]) -> None:
    vae = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")[2]
    (latent,) = call(context, "KSampler", **inputs)
    (image,) = call(context, "VAEDecode", samples=latent, vae=vae)

    result = NODES["SaveImage"].run(context, images=image, filename_prefix="ComfyUI")

    assert isinstance(result, NodeResult)
    assert image.shape == (1, 48, 32, 3)
    assert 0 <= image.min() < image.max() <= 1
    with Pillow.open(context.folders.output / result.ui["images"][0]["filename"]) as picture:
        assert picture.size == (32, 48)


def test_equal_inputs_give_equal_pictures(context: RecordingContext, inputs: dict[str, Any]) -> None:
    assert torch.equal(sample(context, inputs), sample(context, inputs))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("seed", 2**64 - 1),
        ("steps", 4),
        ("cfg", 5.0),
        ("sampler_name", "dpmpp_2m"),
        ("scheduler", "karras"),
        ("denoise", 0.5),
    ],
)
def test_every_setting_of_the_sampler_counts(
    context: RecordingContext, inputs: dict[str, Any], name: str, other: object
) -> None:
    assert not torch.allclose(sample(context, inputs), sample(context, inputs, **{name: other}))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("add_noise", "disable"),
        ("noise_seed", 8),
        ("start_at_step", 1),
        ("end_at_step", 2),
    ],
)
def test_every_setting_of_the_advanced_sampler_counts(
    context: RecordingContext, advanced: dict[str, Any], name: str, other: object
) -> None:
    assert not torch.allclose(sample(context, advanced), sample(context, advanced, **{name: other}))


def test_leftover_noise_counts_when_the_end_comes_early(
    context: RecordingContext, advanced: dict[str, Any]
) -> None:
    cut = {**advanced, "end_at_step": 2}
    clean, noisy = (sample(context, cut, return_with_leftover_noise=each) for each in ("disable", "enable"))
    assert not torch.allclose(clean, noisy)


@pytest.mark.parametrize("side", ["positive", "negative"])
@pytest.mark.parametrize("kind", ["inputs", "advanced"])
def test_both_texts_and_the_model_count(
    context: RecordingContext, request: pytest.FixtureRequest, kind: str, side: str, tmp_path: Path
) -> None:
    given = request.getfixturevalue(kind)
    clip = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")[1]
    other_text = call(context, "CLIPTextEncode", text="a (blue:1.4) square", clip=clip)[0]
    save_tiny(context.folders.base / "models/checkpoints/other.safetensors", SIZES, seed=1)
    other_model = call(context, "CheckpointLoaderSimple", ckpt_name="other.safetensors")[0]
    first = sample(context, given)

    assert not torch.allclose(first, sample(context, given, **{side: other_text}))
    assert not torch.allclose(first, sample(context, given, model=other_model))


def test_two_halves_of_the_steps_give_the_whole(context: RecordingContext, advanced: dict[str, Any]) -> None:
    whole = sample(context, advanced, steps=4)

    half = sample(context, advanced, steps=4, end_at_step=2, return_with_leftover_noise="enable")
    rest = sample(
        context,
        advanced,
        steps=4,
        start_at_step=2,
        add_noise="disable",
        latent_image=LatentBatch(samples=half),
    )

    assert torch.allclose(whole, rest, rtol=1e-4, atol=1e-2)  # numbers go up to 300


def test_plain_and_advanced_sampler_agree(
    context: RecordingContext, inputs: dict[str, Any], advanced: dict[str, Any]
) -> None:
    assert torch.equal(sample(context, inputs), sample(context, advanced))


def test_picture_to_picture_keeps_more_of_the_picture_with_less_denoise(
    context: RecordingContext, inputs: dict[str, Any]
) -> None:
    vae = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")[2]
    (picture,) = call(context, "EmptyImage", width=40, height=48, batch_size=1, color=0xFF8000)
    (latent,) = call(context, "VAEEncode", pixels=picture, vae=vae)

    changes = [
        (sample(context, inputs, latent_image=latent, steps=4, denoise=each) - latent.samples).abs().mean()
        for each in (0.0, 0.25, 1.0)
    ]

    assert latent.samples.shape == (1, 4, 6, 5)
    assert changes[0] == 0
    assert 0 < changes[1] < changes[2]


def test_black_part_of_the_mask_is_kept(context: RecordingContext, inputs: dict[str, Any]) -> None:
    mask = torch.zeros(1, 48, 32)
    mask[:, :, 16:] = 1
    start = LatentBatch(samples=torch.randn(1, 4, 6, 4))
    (masked,) = call(context, "SetLatentNoiseMask", samples=start, mask=mask)

    (result,) = call(context, "KSampler", **{**inputs, "latent_image": masked})

    assert torch.allclose(result.samples[..., :2], start.samples[..., :2], atol=1e-5)
    assert not torch.allclose(result.samples[..., 2:], start.samples[..., 2:], atol=0.1)
    assert result.noise_mask is masked.noise_mask


def test_pictures_of_a_batch_differ_and_keep_their_noise_when_taken_out(
    context: RecordingContext, inputs: dict[str, Any]
) -> None:
    (batch,) = call(context, "EmptyLatentImage", width=32, height=48, batch_size=2)
    both = sample(context, inputs, latent_image=batch)
    second = LatentBatch(samples=torch.zeros(1, 4, 6, 4), batch_index=(1,))

    alone = sample(context, inputs, latent_image=second)

    assert not torch.allclose(both[0], both[1])
    assert torch.allclose(alone[0], both[1], rtol=1e-4, atol=1e-2)  # numbers go up to 300


def test_progress_counts_every_step_and_a_preview_comes_early(
    context: RecordingContext, inputs: dict[str, Any]
) -> None:
    sample(context, inputs)

    assert context.steps == [(1, 3), (2, 3), (3, 3)]
    with Pillow.open(BytesIO(context.previews[0])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (32, 48))


def test_previews_can_be_switched_off(context: RecordingContext, inputs: dict[str, Any]) -> None:
    context.preview_method = "none"

    sample(context, inputs)

    assert context.previews == []


def test_stop_is_heard_within_a_step(tmp_path: Path, inputs: dict[str, Any]) -> None:
    stopping = RecordingContext(tmp_path / "other", stop_after=2)

    with pytest.raises(Interrupted):
        call(stopping, "KSampler", **inputs)

    assert len(stopping.steps) == 2


def test_clip_skip_changes_the_conditioning(context: RecordingContext) -> None:
    clip = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")[1]

    def states(layer: int) -> Tensor:
        (stopped,) = call(context, "CLIPSetLastLayer", clip=clip, stop_at_clip_layer=layer)
        return call(context, "CLIPTextEncode", text="a cat", clip=stopped)[0][0].tokens

    plain = call(context, "CLIPTextEncode", text="a cat", clip=clip)[0][0].tokens
    assert torch.equal(states(-1), plain)
    assert torch.equal(states(-24), plain)  # more than there are layers
    assert not torch.allclose(states(-2), plain)


def test_long_and_weighted_texts_change_the_conditioning(context: RecordingContext) -> None:
    clip = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")[1]

    def tokens(text: str) -> Tensor:
        return call(context, "CLIPTextEncode", text=text, clip=clip)[0][0].tokens

    assert tokens("cat " * 80).shape == (1, 154, 64)
    assert not torch.allclose(tokens("a (cat:1.5)"), tokens("a cat"))


def test_backslashes_in_model_names_mean_slashes(context: RecordingContext) -> None:
    slashes = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")
    backslashes = call(context, "CheckpointLoaderSimple", ckpt_name="sub\\tiny.safetensors")

    assert slashes == backslashes  # the very same loaded model


def test_missing_model_says_where_to_put_it(context: RecordingContext) -> None:
    with pytest.raises(FileNotAvailable, match="checkpoints"):
        call(context, "CheckpointLoaderSimple", ckpt_name="gone.safetensors")


def test_file_with_an_unrelated_tensor_is_no_model(context: RecordingContext) -> None:
    from safetensors.torch import save_file

    for folder, class_type, name in (
        ("checkpoints", "CheckpointLoaderSimple", "ckpt_name"),
        ("vae", "VAELoader", "vae_name"),
        ("text_encoders", "CLIPLoader", "clip_name"),
    ):
        save_file({"x": torch.zeros(1)}, context.folders.base / "models" / folder / "bad.safetensors")
        with pytest.raises(ModelFileError, match=r"bad\.safetensors is no"):
            call(context, class_type, **{name: "bad.safetensors"})


def test_loaders_of_parts_take_them_out_of_a_checkpoint(
    context: RecordingContext, checkpoint_file: Path
) -> None:
    for folder in ("vae", "text_encoders"):
        (context.folders.base / "models" / folder / "tiny.safetensors").hardlink_to(checkpoint_file)
    _, clip, vae = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")
    latent = LatentBatch(samples=torch.randn(1, 4, 2, 2))

    (other_vae,) = call(context, "VAELoader", vae_name="tiny.safetensors")
    (other_clip,) = call(context, "CLIPLoader", clip_name="tiny.safetensors", type="stable_diffusion")
    (cpu_clip,) = call(
        context, "CLIPLoader", clip_name="tiny.safetensors", type="stable_diffusion", device="cpu"
    )

    assert torch.equal(
        call(context, "VAEDecode", samples=latent, vae=vae)[0],
        call(context, "VAEDecode", samples=latent, vae=other_vae)[0],
    )
    assert torch.equal(clip.encode("cat")[0].tokens, other_clip.encode("cat")[0].tokens)
    assert cpu_clip.towers[0].network.device == torch.device("cpu")


def test_text_encoder_type_that_does_not_run_yet_is_refused(
    context: RecordingContext, checkpoint_file: Path
) -> None:
    (context.folders.base / "models/text_encoders/tiny.safetensors").hardlink_to(checkpoint_file)

    with pytest.raises(FamilyNotSupported, match="sd3"):
        call(context, "CLIPLoader", clip_name="tiny.safetensors", type="sd3")


def test_nodes_name_the_missing_part(context: RecordingContext) -> None:
    latent = LatentBatch(samples=torch.zeros(1, 4, 2, 2))
    picture = torch.zeros(1, 16, 16, 3)

    with pytest.raises(PartMissing, match="Load CLIP"):
        call(context, "CLIPTextEncode", text="x", clip=None)
    with pytest.raises(PartMissing, match="Load CLIP"):
        call(context, "CLIPSetLastLayer", clip=None, stop_at_clip_layer=-2)
    with pytest.raises(PartMissing, match="Load VAE"):
        call(context, "VAEDecode", samples=latent, vae=None)
    with pytest.raises(PartMissing, match="Load VAE"):
        call(context, "VAEEncode", pixels=picture, vae=None)


TAKING_TEXT_ENCODERS = [
    name
    for name, node in NODES.items()
    if any(each.type == "CLIP" for each in node.schema.inputs) and not node.schema.unsupported_family
]


@pytest.mark.parametrize("class_type", TAKING_TEXT_ENCODERS)
def test_every_node_that_takes_a_text_encoder_says_that_there_is_none(
    context: RecordingContext, inputs: dict[str, Any], class_type: str
) -> None:
    """A checkpoint without one gives none; LoraLoader changes the model alone then."""
    save_lora(context.folders.base / "models/loras/any.safetensors", lora_tensors())
    sockets = {"CLIP": None, "MODEL": inputs["model"], "VAE": None, "CONDITIONING": inputs["positive"]}
    schema = NODES[class_type].schema
    given = {
        each.name: sockets[each.type]
        if each.type in sockets
        else each.options.get("default", "any.safetensors")
        for each in schema.inputs
    }
    if class_type == "LoraLoader":
        model, clip = call(context, class_type, **given)
        assert (model is inputs["model"], clip) == (False, None)
        return
    with pytest.raises(PartMissing, match="text encoder"):
        call(context, class_type, **given)


def test_latent_and_text_of_another_model_are_refused_with_a_sentence(
    context: RecordingContext, inputs: dict[str, Any]
) -> None:
    vae = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")[2]
    wide = tuple(type(each)(tokens=torch.zeros(1, 77, 96)) for each in inputs["positive"])

    with pytest.raises(ValueError, match="use the VAE that belongs"):
        call(context, "VAEDecode", samples=LatentBatch(samples=torch.zeros(1, 16, 2, 2)), vae=vae)
    with pytest.raises(ValueError, match="use the text encoder that belongs"):
        sample(context, inputs, positive=wide, negative=wide)


def test_encoding_crops_around_the_centre_and_ignores_opacity(context: RecordingContext) -> None:
    vae = call(context, "CheckpointLoaderSimple", ckpt_name="sub/tiny.safetensors")[2]
    picture = torch.rand(2, 21, 27, 4)

    (latent,) = call(context, "VAEEncode", pixels=picture, vae=vae)

    (inner,) = call(context, "VAEEncode", pixels=picture[:, 2:18, 1:25, :3], vae=vae)
    assert latent.samples.shape == (2, 4, 2, 3)
    assert torch.equal(latent.samples, inner.samples)
    with pytest.raises(ValueError, match="5x21 pixels"):
        call(context, "VAEEncode", pixels=picture[:, :, :5], vae=vae)


def test_fingerprint_follows_the_content_of_the_file(context: RecordingContext) -> None:
    path = context.folders.input / "a.png"
    for class_type in ("LoadImage", "LoadImageMask"):
        fingerprint = NODES[class_type].fingerprint
        assert fingerprint is not None
        path.write_bytes(b"one")
        first = fingerprint(context, image="a.png")
        path.write_bytes(b"two")
        assert first == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
        assert fingerprint(context, image="a.png [input]") != first
        assert fingerprint(context, image=None) is None


def test_metadata_can_be_left_out(context: RecordingContext) -> None:
    context.metadata, context.prompt = False, {"1": {}}

    NODES["SaveImage"].run(context, images=torch.zeros(1, 2, 2, 3), filename_prefix="a")

    with Pillow.open(context.folders.output / "a_00001_.png") as picture:
        assert picture.info == {}
