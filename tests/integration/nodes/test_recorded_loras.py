"""Weights under every recorded LoRA against the numbers recorded from ComfyUI, element by element."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.text_encoder import TextEncoder
from app.inference.models.weights import PatchedWeights
from app.inference.patches.layer_names import spelling, text_layers, unet_layers
from app.inference.weight_patch import WeightPatch
from tests.golden_models import file_weights
from tests.recorded_pipelines import STRIDE, Case, PipelineRunner, all_cases

FAMILIES = ("sd1", "sdxl")
CASES = [case for case in all_cases(FAMILIES) if "patched" in case.record]
LOADER = "2"
TOLERANCE = 1e-6
STD_TOLERANCE = 1e-5  # relative
PEFT = "lora peft_unet"


class Patched:
    """A model and text encoder with a LoRA; tensors by the names that the record uses."""

    def __init__(self, model: DiffusionModel, text: TextEncoder) -> None:
        unet = model.network
        self._networks: dict[str, tuple[PatchedWeights[Any], tuple[WeightPatch, ...], Mapping[str, str]]] = {
            "diffusion_model.": (
                unet.weights,
                model.patches,
                unet_layers(unet.original_names),
            )
        }
        for kind, network in text.networks.items():
            layers = text_layers(network.weights.names)
            self._networks[f"clip_{kind}.transformer."] = (network.weights, network.patches, layers)

    def tensor(self, name: str) -> tuple[Tensor, Tensor]:
        """Original and patched tensor of a recorded name, or of a UNet's in diffusers' layout."""
        prefix = next(each for each in self._networks if name.startswith(each))
        weights, patches, layers = self._networks[prefix]
        layer, _, kind = name.removeprefix(prefix).rpartition(".")
        found = f"{layers[spelling(layer)]}.{kind}"
        return weights.value(found), weights.value(found, [each for each in patches if found in each.names])

    @property
    def changed(self) -> int:
        """How many tensors the patches name."""
        return sum(len(patch.names) for _, patches, _ in self._networks.values() for patch in patches)


def load(pipelines: PipelineRunner, case: Case) -> Patched:
    """What the LoRA node of a case gives."""
    results = pipelines.run(case.prompt, [LOADER, f"{LOADER}:1"])
    return Patched(results[LOADER], results[f"{LOADER}:1"])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_weights_are_the_recorded_ones(pipelines: PipelineRunner, case: Case) -> None:
    patched = load(pipelines, case)

    for name, expected in case.record["patched"].items():
        original, weight = patched.tensor(name)
        numel = weight.numel()
        at = weight.flatten()[[k * STRIDE % numel for k in range(len(expected["at"]))]]
        change = (weight - original).double().std(correction=0).item()
        assert (at - torch.tensor(expected["at"])).abs().max() <= TOLERANCE, name
        assert change == pytest.approx(expected["delta_std"], rel=STD_TOLERANCE), name


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing_else_is_changed(pipelines: PipelineRunner, case: Case) -> None:
    applied_here_alone = len(case.record.get("keys_ignored_by_comfyui", ())) // 2  # pairs of down and up

    assert load(pipelines, case).changed == len(case.record["patched"]) + applied_here_alone


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_exports_of_attention_layers_are_applied(pipelines: PipelineRunner, family: str) -> None:
    case = Case(family, PEFT)
    patched = load(pipelines, case)
    tensors = file_weights(case.record["lora_file"])
    downs = [key for key in case.record["keys_ignored_by_comfyui"] if "lora_A" in key]

    assert len(downs) == 4
    for key in downs:
        layer = key.removesuffix(".lora_A.weight").removeprefix("unet.")
        original, weight = patched.tensor(f"diffusion_model.{layer}.weight")
        change = tensors[key.replace("lora_A", "lora_B")] @ tensors[key]
        assert (weight - original - 0.8 * change.reshape(original.shape)).abs().max() <= TOLERANCE


def test_all_recorded_files_are_seen() -> None:
    assert len(CASES) == 64
