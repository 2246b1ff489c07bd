"""VAE nodes against numbers recorded from ComfyUI, on autoencoders without quantising convolutions."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch import device as Device

from app.inference.latents.batch import LatentBatch
from app.inference.models.checkpoint import load_vae_file
from app.inference.models.detect import vae_prefix
from app.inference.models.files.model_file import open_model_file
from app.inference.models.vae.load_vae import load_vae
from app.inference.models.vae.vae import Vae
from app.nodes.declare import NodeResult
from app.nodes.registry import builtin_nodes
from tests.golden_networks import assert_recorded, hole, normal, picture, recorded, save_network
from tests.unit.nodes.recording_context import RecordingContext

NODES = builtin_nodes()
RECORD: dict[str, Any] = recorded()["vae16"]
FILM = {"temporal_size": 64, "temporal_overlap": 8}


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Vae:
    path = save_network(tmp_path_factory.mktemp("vae") / "vae.safetensors", RECORD["keys"])
    file = open_model_file(path)
    prefix = vae_prefix(file.tensors)
    assert prefix is not None
    return load_vae(file, prefix, Device("cpu"))


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


def output(context: RecordingContext, class_type: str, **inputs: Any) -> Any:
    returned = NODES[class_type].run(context, **inputs)
    assert not isinstance(returned, NodeResult)
    return returned[0]


@pytest.mark.parametrize(
    ("image", "key"),
    [(picture(80, 96), "encode IMG(80,96)"), (picture(83, 101), "encode IMG(83,101) (cropped to 80x96)")],
)
def test_encoded_picture_is_the_recorded_latent(
    context: RecordingContext, vae: Vae, image: Tensor, key: str
) -> None:
    assert_recorded(output(context, "VAEEncode", pixels=image, vae=vae).samples, RECORD[key])


@pytest.mark.parametrize(("seed", "shape"), [(31, [1, 16, 10, 12]), (32, [1, 16, 24, 20])])
def test_decoded_latent_is_the_recorded_picture(
    context: RecordingContext, vae: Vae, seed: int, shape: list[int]
) -> None:
    key = f"decode R({seed},{shape})".replace(", ", ",")
    latent = LatentBatch(samples=normal(seed, shape))

    assert_recorded(output(context, "VAEDecode", samples=latent, vae=vae), RECORD[key])


@pytest.mark.parametrize(
    ("sizes", "note"),
    [({"tile_size": 128, "overlap": 32}, ""), ({"tile_size": 96, "overlap": 64}, " (overlap cut to tile/4)")],
)
def test_tiled_decoding_gives_the_recorded_picture(
    context: RecordingContext, vae: Vae, sizes: dict[str, int], note: str
) -> None:
    key = f"VAEDecodeTiled R(32) tile_size {sizes['tile_size']} overlap {sizes['overlap']}{note}"
    latent = LatentBatch(samples=normal(32, [1, 16, 24, 20]))

    assert_recorded(output(context, "VAEDecodeTiled", samples=latent, vae=vae, **sizes, **FILM), RECORD[key])


def test_tiled_encoding_gives_the_recorded_latent(context: RecordingContext, vae: Vae) -> None:
    sizes = {"tile_size": 128, "overlap": 32}
    latent = output(context, "VAEEncodeTiled", pixels=picture(192, 160), vae=vae, **sizes, **FILM)

    assert_recorded(latent.samples, RECORD["VAEEncodeTiled IMG(192,160) tile_size 128 overlap 32"])


def test_encoding_for_inpainting_gives_the_recorded_latent_and_mask(
    context: RecordingContext, vae: Vae
) -> None:
    expected = RECORD["VAEEncodeForInpaint IMG(83,101) MASK(83,101) grow 6"]

    latent = output(
        context,
        "VAEEncodeForInpaint",
        pixels=picture(83, 101),
        vae=vae,
        mask=hole(83, 101),
        grow_mask_by=6,
    )

    assert_recorded(latent.samples, expected["samples"])
    assert_recorded(latent.noise_mask, expected["noise_mask"])
    assert latent.noise_mask.sum().item() == expected["noise_mask_sum"]


def test_autoencoder_of_4_channels_gives_the_recorded_numbers(tmp_path: Path) -> None:
    four = RECORD["vae4"]
    vae = load_vae_file(save_network(tmp_path / "vae.safetensors", four["keys"]), Device("cpu"))

    with torch.inference_mode():
        assert_recorded(vae.encode(picture(80, 96)), four["encode IMG(80,96)"])
        assert_recorded(vae.decode(normal(33, [1, 4, 10, 12])), four["decode R(33,[1,4,10,12])"])
