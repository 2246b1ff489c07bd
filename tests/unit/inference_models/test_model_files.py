"""Files that cannot be used are refused with what they are and what to do; good ones of any layout load."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.inference.denoiser import Feed
from app.inference.hooks.network import NO_NETWORK_HOOKS
from app.inference.models import errors
from app.inference.models.checkpoint import load_checkpoint, load_text_file, load_vae_file
from app.inference.models.files.ldm_names import UNetLevel
from app.inference.models.files.model_file import TensorInfo, open_model_file
from app.inference.models.vae.kl_codec import KlCodec
from tests.checkpoints import TEXT, UNET, VAE, Tiny, save_tiny, tiny_weights
from tests.unit.inference.toy_model import one_call

CPU = torch.device("cpu")
SMALL = Tiny(text_layers=1, vae_mult=(1, 1))
GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some model.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(errors.ModelFileError) as caught:
        load_checkpoint(path, CPU)
    assert str(path) in str(caught.value)
    assert caught.value.remedy.endswith(".")
    return f"{caught.value.code}: {caught.value}"


@pytest.mark.parametrize("kept", [0, 5, 300, 0.5, 0.999])
def test_truncated_file_is_called_incomplete(file: Path, kept: float) -> None:
    content = save_tiny(file, SMALL).read_bytes()
    file.write_bytes(content[: int(kept if kept == 5 or kept == 300 else len(content) * kept)])

    assert refusal(file).startswith(("model_file_damaged", "not_a_model_file"))


def test_message_about_a_truncated_file_tells_both_sizes(file: Path) -> None:
    content = save_tiny(file, SMALL).read_bytes()
    file.write_bytes(content[: len(content) // 2])

    assert f"{len(content) / 2e6:.1f} MB of {len(content) / 1e6:.1f} MB" in refusal(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Please log in to download this model.\n", "is a text file"),
        ("Bitte zuerst anmelden, danke für Ihr Verständnis.\n".encode() * 20, "is a text file"),
        (b"<!DOCTYPE html><html>404</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "is a picture"),
        (bytes(range(256)), "is no safetensors file"),
        (b"GGUF" + bytes(60), "GGUF"),
    ],
)
def test_file_that_is_something_else_is_called_by_its_name(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)

    assert words in refusal(file)


def test_pickles_are_refused_unopened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "opened",)  # type: ignore[return-value]

    old, new = tmp_path / "old.ckpt", tmp_path / "new.safetensors"
    old.write_bytes(pickle.dumps(Trap()))
    torch.save({"x": torch.zeros(1)}, new)

    assert refusal(old).startswith("pickle_refused")
    assert refusal(new).startswith("pickle_refused")
    assert not (tmp_path / "opened").exists()


def test_unreadable_table_of_contents_is_called_damage(file: Path) -> None:
    for header in (b"{not json}", b'{"x": 5}', b'{"x": {"shape": [1]}}', b"[1, 2, 3, 4]"):
        file.write_bytes(len(header).to_bytes(8, "little") + header)
        assert refusal(file).startswith(("model_file_damaged", "not_a_model_file"))


@pytest.mark.parametrize("lie", ["dtype", "overlap", "trailing"])
def test_tensors_that_contradict_the_table_of_contents_are_damage(file: Path, lie: str) -> None:
    content = save_tiny(file, SMALL).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    first, second = (name for name in list(header)[:2])
    if lie == "dtype":
        header[first]["dtype"] = "F99"
    if lie == "overlap":
        header[first]["data_offsets"] = header[second]["data_offsets"]
    raw = json.dumps(header).encode()
    tail = b"more" if lie == "trailing" else b""
    file.write_bytes(len(raw).to_bytes(8, "little") + raw + content[8 + length :] + tail)

    assert refusal(file).startswith("model_file_damaged")


def test_widths_that_groups_do_not_divide_are_refused(file: Path) -> None:
    save_tiny(file, replace(SMALL, channels=40))

    message = refusal(file)

    assert message.startswith("weights_do_not_fit")
    assert "diffusion model of impossible sizes" in message


def test_file_that_vanished_is_called_missing(file: Path) -> None:
    assert refusal(file).startswith("model_file_missing")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x", "1 tensors, such as 'x'"),
        ("lora_unet_mid_block.lora_up.weight", "LoRA"),
        ("control_model.zero_convs.0.0.weight", "ControlNet"),
        ("string_to_param.*", "text embedding"),
        ("text_model.embeddings.token_embedding.weight", "text encoder"),
        ("decoder.conv_in.weight", "VAE"),
    ],
)
def test_weights_of_another_kind_are_named(file: Path, name: str, words: str) -> None:
    save_file({name: torch.zeros(1)}, file)

    message = refusal(file)

    assert message.startswith("wrong_model_kind")
    assert words in message


@pytest.mark.parametrize(
    ("extra", "family"),
    [
        ({f"{UNET}joint_blocks.0.context_block.attn.qkv.weight": (3, 1)}, "Stable Diffusion 3"),
        ({f"{UNET}double_blocks.0.img_attn.norm.key_norm.scale": (1,)}, "Flux"),
        ({f"{UNET}clf.1.weight": (1,)}, "Stable Cascade"),
        ({f"{UNET}label_emb.0.0.weight": (8, 8)}, "unCLIP"),
        ({"embedder.model.visual.proj": (8, 8)}, "unCLIP"),
        ({f"{UNET}input_blocks.0.0.weight": (32, 7, 3, 3)}, "7 channels"),
        ({"cc_projection.weight": (8, 8)}, "Zero123"),
    ],
)
def test_families_that_do_not_run_yet_are_named(
    file: Path, extra: dict[str, tuple[int, ...]], family: str
) -> None:
    weights = tiny_weights(SMALL)
    weights |= {name: torch.zeros(shape) for name, shape in extra.items()}
    save_file(weights, file)

    message = refusal(file)

    assert message.startswith("family_not_supported")
    assert family in message


def test_missing_tensors_are_counted_and_named(file: Path) -> None:
    weights = tiny_weights(SMALL)
    del weights[f"{UNET}middle_block.0.in_layers.2.weight"]
    save_file(weights, file)

    message = refusal(file)

    assert message.startswith("weights_do_not_fit")
    assert "lacks 1 tensors of its diffusion model, such as mid_block.resnets.0.conv1.weight" in message


@pytest.mark.parametrize(
    "name",
    [
        f"{UNET}out.2.weight",
        f"{UNET}middle_block.0.in_layers.2.weight",
        f"{VAE}decoder.conv_out.weight",
        f"{TEXT}final_layer_norm.weight",
    ],
)
def test_tensors_of_the_wrong_size_are_named(file: Path, name: str) -> None:
    weights = tiny_weights(SMALL)
    weights[name] = torch.zeros(*weights[name].shape[:-1], weights[name].shape[-1] + 1)
    save_file(weights, file)

    message = refusal(file)

    assert message.startswith("weights_do_not_fit")
    assert name in message


def test_text_encoder_with_other_words_is_refused(file: Path) -> None:
    save_tiny(file, replace(SMALL, vocabulary=1000))

    assert "1000 words" in refusal(file)


def test_half_precision_file_computes_in_full_precision_on_the_cpu(file: Path) -> None:
    checkpoint = load_checkpoint(save_tiny(file, SMALL, dtype=torch.float16), CPU)

    assert checkpoint.text_encoder is not None
    assert checkpoint.vae is not None
    assert isinstance(checkpoint.vae.codec, KlCodec)
    parts = (
        checkpoint.diffusion_model.network.network,
        checkpoint.vae.codec.network,
        checkpoint.text_encoder.towers[0].network.weights.network,
    )
    text = checkpoint.text_encoder.towers[0].network.weights
    with checkpoint.diffusion_model.at_work(), checkpoint.vae.codec.at_work(), text.at_work():
        assert {each.dtype for part in parts for each in part.parameters()} == {torch.float32}


def test_loading_reads_no_weights(file: Path) -> None:
    checkpoint = load_checkpoint(save_tiny(file, SMALL, dtype=torch.float16), CPU)

    assert {each.dtype for each in checkpoint.diffusion_model.network.network.parameters()} == {torch.float16}


def test_number_of_heads_may_come_from_the_metadata(file: Path) -> None:
    eight = load_checkpoint(save_tiny(file, SMALL), CPU).diffusion_model
    four = load_checkpoint(save_tiny(file, SMALL, metadata={"cc.num_heads": "4"}), CPU).diffusion_model
    x, context, sigma = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 64), torch.tensor(1.0)

    assert (eight.network.shape.heads, four.network.shape.heads) == ((8, 8), (4, 4))
    first, second = (
        model.denoise(x, Feed(context=context), one_call(sigma, model.model_sampling), NO_NETWORK_HOOKS)
        for model in (eight, four)
    )
    assert not torch.allclose(first, second)


def test_impossible_number_of_heads_is_refused(file: Path) -> None:
    save_tiny(file, SMALL, metadata={"cc.num_heads": "-3"})

    assert "cc.num_heads='-3'" in refusal(file)


def test_preview_colours_may_come_from_the_metadata(file: Path) -> None:
    rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.5]]
    document = json.dumps({"factors": rows, "bias": [0.1, 0.2, 0.3]})

    model = load_checkpoint(save_tiny(file, SMALL, metadata={"cc.latent_rgb": document}), CPU).diffusion_model

    assert model.preview_factors.bias == (0.1, 0.2, 0.3)
    assert model.preview_factors.factors[3] == (0.5, 0.5, 0.5)


def test_checkpoint_without_text_encoder_and_vae_has_none(file: Path) -> None:
    save_file({name: each for name, each in tiny_weights(SMALL).items() if name.startswith(UNET)}, file)

    checkpoint = load_checkpoint(file, CPU)

    assert checkpoint.text_encoder is None
    assert checkpoint.vae is None


def test_running_averages_and_strangers_are_ignored(file: Path) -> None:
    weights = tiny_weights(SMALL)
    extra = {"model_ema.decay": torch.zeros(1), f"{TEXT}embeddings.position_ids": torch.zeros(1, 77)}
    save_file(weights | extra, file)

    assert load_checkpoint(file, CPU).diffusion_model.channels == 4


def test_levels_are_counted_from_the_tensors(file: Path) -> None:
    sizes = replace(SMALL, mult=(1, 2, 2), attention=(False, True, True), blocks=2)

    shape = load_checkpoint(save_tiny(file, sizes), CPU).diffusion_model.network.shape

    assert shape.levels == (
        UNetLevel(channels=32, blocks=2, depth=0),
        UNetLevel(channels=64, blocks=2, depth=1),
        UNetLevel(channels=64, blocks=2, depth=1),
    )


def test_vae_loads_from_a_file_of_its_own_in_both_layouts(tmp_path: Path) -> None:
    weights = tiny_weights(SMALL)
    ldm, diffusers = tmp_path / "ldm.safetensors", tmp_path / "diffusers.safetensors"
    save_file({name.removeprefix(VAE): each for name, each in weights.items() if name.startswith(VAE)}, ldm)
    first = load_vae_file(ldm, CPU)
    assert isinstance(first.codec, KlCodec)
    network = first.codec.network
    save_file({name: each.contiguous() for name, each in network.state_dict().items()}, diffusers)

    second = load_vae_file(diffusers, CPU)

    latent = torch.randn(1, 4, 5, 6)
    assert first.ratio == 2
    assert torch.equal(first.decode(latent), second.decode(latent))


@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_text_encoder_loads_from_a_file_of_its_own(file: Path, prefix: str) -> None:
    weights = tiny_weights(SMALL)
    save_file(
        {prefix + name.removeprefix(TEXT): each for name, each in weights.items() if name.startswith(TEXT)},
        file,
    )

    (entry,) = load_text_file(file, CPU).encode("a cat")

    assert entry.tokens.shape == (1, 77, 64)


def test_wrong_files_for_vae_and_text_encoder_are_named(file: Path) -> None:
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(1)}, file)

    with pytest.raises(errors.WrongModelKind, match="is no VAE; it seems to be a LoRA"):
        load_vae_file(file, CPU)
    with pytest.raises(errors.WrongModelKind, match="is no CLIP text encoder; it seems to be a LoRA"):
        load_text_file(file, CPU)


def test_table_of_contents_is_read_without_the_tensors(file: Path) -> None:
    save_tiny(file, SMALL, metadata={"note": "hello"})

    opened = open_model_file(file)

    assert opened.metadata["note"] == "hello"
    assert opened.tensors[f"{VAE}quant_conv.weight"] == TensorInfo(shape=(8, 8, 1, 1), dtype="F32")
