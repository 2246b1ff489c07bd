"""Tiny autoencoders compute what diffusers' twin computes, whatever layout their files have."""

import gzip
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import device as Device

from app.inference.models.errors import WeightsDoNotFit, WrongModelKind
from app.inference.models.vae.load_taesd import load_taesd, load_tiny_decoder
from app.inference.models.vae.pixel_codec import PixelCodec
from app.inference.models.vae.taesd import SCALES, make_decoder, make_encoder
from app.inference.models.vae.vae import Vae
from tests.tiny_vae_files import save_tiny_vae, tiny_autoencoder

CPU = Device("cpu")
KEYS = Path(__file__).parents[2] / "golden/keys"


def pair(folder: Path, name: str = "taesd") -> tuple[Path, Path]:
    return folder / f"{name}_encoder.safetensors", folder / f"{name}_decoder.safetensors"


@pytest.mark.parametrize("layout", ["authors", "prefixed", "diffusers"])
def test_files_of_every_layout_compute_what_diffusers_computes(tmp_path: Path, layout: str) -> None:
    reference = tiny_autoencoder()
    save_tiny_vae(tmp_path, "taesd", reference, layout)
    vae = Vae(codec=load_taesd("taesd", *pair(tmp_path), CPU))
    image, latent = torch.rand(2, 24, 32, 3), torch.randn(2, 4, 3, 4) * 8

    encoded, decoded = vae.encode(image), vae.decode(latent)

    wanted = reference.encode(image.movedim(-1, 1) * 2 - 1, return_dict=False)[0] / 0.18215
    torch.testing.assert_close(encoded, wanted, rtol=1e-5, atol=1e-5)
    picture = reference.decode(latent * 0.18215, return_dict=False)[0].movedim(1, -1)
    torch.testing.assert_close(decoded, ((picture + 1) / 2).clamp(0, 1), rtol=1e-5, atol=1e-5)


def test_families_store_their_latents_on_their_own_scale(tmp_path: Path) -> None:
    reference = tiny_autoencoder(16)
    save_tiny_vae(tmp_path, "taesd", reference)
    vae = Vae(codec=load_taesd("taesd3", *pair(tmp_path), CPU))
    image = torch.rand(1, 16, 16, 3)

    latent = vae.encode(image)

    in_model_space = reference.encode(image.movedim(-1, 1) * 2 - 1, return_dict=False)[0]
    torch.testing.assert_close((latent - 0.0609) * 1.5305, in_model_space, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        vae.decode(latent).movedim(-1, 1),
        ((reference.decode(in_model_space, return_dict=False)[0] + 1) / 2).clamp(0, 1),
        rtol=1e-5,
        atol=1e-5,
    )


def test_decoder_alone_takes_latents_of_the_model_space(tmp_path: Path) -> None:
    reference = tiny_autoencoder()
    save_tiny_vae(tmp_path, "taesd", reference)
    denoised = torch.randn(1, 4, 2, 3)

    decoder = load_tiny_decoder(pair(tmp_path)[1], CPU)

    assert decoder.channels == 4
    wanted = (reference.decode(denoised, return_dict=False)[0] + 1) / 2
    torch.testing.assert_close(decoder(denoised), wanted.clamp(0, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SCALES)
def test_networks_have_every_tensor_of_the_published_files(name: str) -> None:
    recorded = json.loads(gzip.decompress((KEYS / f"{name}.json.gz").read_bytes()))["keys"]
    shapes = {key: tuple(shape) for key, shape, _ in recorded}
    channels = shapes["taesd_decoder.1.weight"][1]
    with torch.device("meta"):
        halves = {"taesd_encoder.": make_encoder(channels), "taesd_decoder.": make_decoder(channels)}

    ours = {
        prefix + key: tuple(tensor.shape)
        for prefix, network in halves.items()
        for key, tensor in network.state_dict().items()
    }

    assert ours == shapes


def test_foreign_and_incomplete_files_are_named(tmp_path: Path) -> None:
    encoder, decoder = pair(tmp_path)
    save_tiny_vae(tmp_path, "taesd", tiny_autoencoder())
    foreign = tmp_path / "foreign.safetensors"
    save_file({"some.weight": torch.zeros(2, 2)}, foreign)
    incomplete = tmp_path / "incomplete.safetensors"
    save_file({"1.weight": torch.zeros(64, 4, 3, 3)}, incomplete)

    with pytest.raises(WrongModelKind, match=r"foreign.safetensors is no tiny decoder"):
        load_taesd("taesd", encoder, foreign, CPU)
    with pytest.raises(WrongModelKind, match="is no tiny encoder"):
        load_taesd("taesd", foreign, decoder, CPU)
    with pytest.raises(WeightsDoNotFit, match=r"incomplete.safetensors lacks"):
        load_tiny_decoder(incomplete, CPU)


def test_pixel_space_changes_nothing() -> None:
    vae = Vae(codec=PixelCodec())
    image = torch.rand(2, 5, 3, 3)

    latent = vae.encode(image)

    assert latent.shape == (2, 3, 5, 3)
    torch.testing.assert_close(vae.decode(latent), image)
