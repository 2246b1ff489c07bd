"""VAE nodes against numbers recorded from ComfyUI, on the tiny autoencoder of the recorded pipelines."""

from typing import Any

import pytest

from app.inference.latents.batch import LatentBatch
from app.inference.models.checkpoint import load_checkpoint
from app.inference.models.vae.vae import Vae
from app.nodes.registry import builtin_nodes
from tests.golden_models import GoldenModels, random_tensor, recorded
from tests.integration.nodes.recorded_nodes.stubs import FormulaCodec
from tests.recorded_pipelines import assert_tensor

NODES = builtin_nodes()
RECORD: dict[str, Any] = recorded()["families"]["sd1"]["vae"]
FILM = {"temporal_size": 64, "temporal_overlap": 8}


@pytest.fixture
def vae(golden_models: GoldenModels) -> Vae:
    path = golden_models.checkpoint("sd1")
    found = golden_models.context().models.get("checkpoint", path, load_checkpoint).vae
    assert found is not None
    return found


@pytest.mark.parametrize("case", RECORD["tiled_decode"], ids=lambda case: f"{case['z']} {case['tile_size']}")
def test_tiled_decoding_gives_the_recorded_picture(
    golden_models: GoldenModels, vae: Vae, case: dict[str, Any]
) -> None:
    context = golden_models.context()
    sizes = {name: case[name] for name in ("tile_size", "overlap")}
    latent = LatentBatch(samples=random_tensor(case["z"]))

    outputs = NODES["VAEDecodeTiled"].run(context, samples=latent, vae=vae, **sizes, **FILM)

    assert isinstance(outputs, tuple)
    assert_tensor(outputs[0], case["image"])
    assert context.steps[-1][0] == context.steps[-1][1] == len(context.steps)


@pytest.mark.parametrize("case", RECORD["tiled_encode"], ids=lambda case: case["pixels"])
def test_tiled_encoding_gives_the_recorded_latent(
    golden_models: GoldenModels, vae: Vae, case: dict[str, Any]
) -> None:
    context = golden_models.context()
    sizes = {name: case[name] for name in ("tile_size", "overlap")}

    outputs = NODES["VAEEncodeTiled"].run(
        context, pixels=random_tensor(case["pixels"]), vae=vae, **sizes, **FILM
    )

    assert isinstance(outputs, tuple)
    assert_tensor(outputs[0].samples, case["latent"])
    assert context.steps[-1][0] == context.steps[-1][1] == len(context.steps)


def test_whole_picture_of_the_latent_that_was_tiled_is_the_recorded_one(vae: Vae) -> None:
    latent = random_tensor(RECORD["tiled_decode"][0]["z"])

    assert_tensor(vae.decode(latent), RECORD["plain_decode_of_tiled_input"])


@pytest.mark.parametrize("case", RECORD["decode"], ids=lambda case: case["z"])
def test_network_gives_the_recorded_numbers_before_they_are_clamped(vae: Vae, case: dict[str, Any]) -> None:
    assert_tensor(vae.codec.decode(random_tensor(case["z"])), case["raw_before_clamp"])


@pytest.mark.parametrize(
    ("class_type", "given", "sizes"),
    [
        ("VAEDecodeTiled", "samples", {"tile_size": 128, "overlap": 32}),
        ("VAEEncodeTiled", "pixels", {"tile_size": 64, "overlap": 16}),
    ],
)
@pytest.mark.parametrize("changed", ["given", "tile_size", "overlap", "vae"])
def test_each_input_changes_what_tiled_nodes_give(
    golden_models: GoldenModels, vae: Vae, class_type: str, given: str, sizes: dict[str, int], changed: str
) -> None:
    other_vae = Vae(codec=FormulaCodec())
    pictures = {
        "samples": [LatentBatch(samples=random_tensor(f"randn([1, 4, 24, 30], seed {k})")) for k in (1, 2)],
        "pixels": [random_tensor(f"rand([1, 96, 120, 3], seed {k})") for k in (1, 2)],
    }[given]
    first = {given: pictures[0], "vae": vae, **sizes, **FILM}
    second = {
        "given": {**first, given: pictures[1]},
        "vae": {**first, "vae": other_vae},
        "tile_size": {**first, "tile_size": sizes["tile_size"] * 2},
        "overlap": {**first, "overlap": 0},
    }[changed]

    results = [NODES[class_type].run(golden_models.context(), **inputs) for inputs in (first, second)]

    tensors = [getattr(each[0], "samples", each[0]) for each in results if isinstance(each, tuple)]
    assert tensors[0].shape == tensors[1].shape
    assert (tensors[0] - tensors[1]).abs().max() > 1e-3
