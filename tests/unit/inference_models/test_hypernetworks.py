"""Hypernetwork files: what is loaded, what is refused, and what of them changes attention."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch import device as Device

from app.inference.memory.model_store import ModelStore
from app.inference.models import errors
from app.inference.models.files.pickles import Pickles
from app.inference.models.hypernetwork import load_hypernetwork
from tests.integration.nodes.recorded_nodes.hypernetworks import attended, document

CPU = Device("cpu")
KEY, VALUE = torch.linspace(-1, 1, 8).reshape(1, 2, 4), torch.linspace(1, -2, 8).reshape(1, 2, 4)
PLAIN = document("relu layer_norm=False activate_output=False")


def changed(path: Path, folder: Path, strength: float = 1.0) -> Tensor:
    """Key and value, one after the other, as attention gets them."""
    store = ModelStore(CPU, pickles=Pickles(copies=folder / "copies"))
    (change,) = store.get("hypernetwork", path, load_hypernetwork).hooks(strength).around_attention
    return torch.cat(attended(change, KEY, VALUE))


def saved(folder: Path, content: dict[Any, Any], name: str = "made.pt") -> Path:
    torch.save(content, folder / name)
    return folder / name


def test_pickled_hypernetworks_are_refused_unless_allowed(tmp_path: Path) -> None:
    path = saved(tmp_path, PLAIN)

    with pytest.raises(errors.PickleRefused, match="comfy-creator convert"):
        ModelStore(CPU).get("hypernetwork", path, load_hypernetwork)

    assert not torch.equal(changed(path, tmp_path), torch.cat([KEY, VALUE]))


def test_strength_scales_what_is_added(tmp_path: Path) -> None:
    path, untouched = saved(tmp_path, PLAIN), torch.cat([KEY, VALUE])

    whole = changed(path, tmp_path) - untouched

    assert torch.equal(changed(path, tmp_path, 0.0), untouched)
    torch.testing.assert_close(changed(path, tmp_path, -2.5) - untouched, -2.5 * whole)


def test_layers_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    numbers = {"linear.0": "linear.2", "linear.1": "linear.12"}  # by letters, 12 would come first
    renamed = [
        {numbers[name[:8]] + name[8:]: tensor for name, tensor in network.items()} for network in PLAIN[4]
    ]

    ours = changed(saved(tmp_path, {**PLAIN, 4: renamed}, "renamed.pt"), tmp_path)

    assert torch.equal(ours, changed(saved(tmp_path, PLAIN), tmp_path))


@pytest.mark.parametrize("width", [3, 5])
def test_keys_of_other_widths_stay(tmp_path: Path, width: int) -> None:
    store = ModelStore(CPU, pickles=Pickles(copies=tmp_path / "copies"))
    hypernetwork = store.get("hypernetwork", saved(tmp_path, PLAIN), load_hypernetwork)
    (change,) = hypernetwork.hooks(1.0).around_attention
    key = torch.ones(1, 2, width)

    assert all(torch.equal(each, key) for each in attended(change, key, key))


def test_unknown_activations_change_nothing_and_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved(tmp_path, {**PLAIN, "activation_func": "snake"})

    with caplog.at_level(logging.WARNING):
        ours = changed(path, tmp_path)

    assert torch.equal(ours, torch.cat([KEY, VALUE]))
    assert "not known" in caplog.text


def test_other_files_are_named(tmp_path: Path) -> None:
    save_file({"lora_unet_x.alpha": torch.ones(1)}, tmp_path / "l.safetensors")

    with pytest.raises(errors.WrongModelKind, match="LoRA"):
        load_hypernetwork(tmp_path / "l.safetensors", CPU)


@pytest.mark.parametrize("layer", ["linear.0", "linear.1"])
def test_layers_that_do_not_follow_each_other_are_refused(tmp_path: Path, layer: str) -> None:
    broken = [{**network, f"{layer}.weight": torch.ones(6, 6)} for network in PLAIN[4]]

    with pytest.raises(errors.WeightsDoNotFit, match="width 4"):
        changed(saved(tmp_path, {**PLAIN, 4: broken}), tmp_path)
