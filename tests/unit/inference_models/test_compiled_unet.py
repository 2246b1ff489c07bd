"""A compiled UNet: the same numbers, with patches, and without compiling where that does not work.

Compiled by torch's `eager` backend, which captures the graph and runs it as it is.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from app.inference.denoiser import Feed
from app.inference.hooks.network import NO_NETWORK_HOOKS, NetworkHooks
from app.inference.models.checkpoint import load_checkpoint
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.unet.compiled import CompiledUNet
from app.inference.patches.factors import AttentionFactors, unet_attention_patch
from tests.checkpoints import save_tiny
from tests.unit.inference.toy_model import one_call


class CountingBackend:
    """Runs graphs as they are; counts how often it was asked for one and how often one ran."""

    def __init__(self) -> None:
        self.compiled = self.ran = 0

    def __call__(self, graph: Any, _inputs: list[Tensor]) -> Callable[..., Any]:
        self.compiled += 1

        def run(*inputs: Any) -> Any:
            self.ran += 1
            return graph.forward(*inputs)

        return run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> DiffusionModel:
    path: Path = save_tiny(tmp_path_factory.mktemp("models") / "tiny.safetensors")
    return load_checkpoint(path, torch.device("cpu")).diffusion_model


@pytest.fixture(scope="module")
def backend() -> CountingBackend:
    return CountingBackend()


@pytest.fixture(scope="module")
def compiled(model: DiffusionModel, backend: CountingBackend) -> DiffusionModel:
    return replace(model, network=CompiledUNet(model.network, backend))


def denoised(model: DiffusionModel, sigma: float = 3.0, hooks: NetworkHooks = NO_NETWORK_HOOKS) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 8, 8, generator=generator)
    feed = Feed(context=torch.randn(1, 77, model.context_width, generator=generator))
    return model.denoise(x, feed, one_call(torch.tensor(sigma), model.model_sampling, 8, 8), hooks)


def test_compiled_model_gives_the_same_and_is_compiled_once(
    model: DiffusionModel, compiled: DiffusionModel, backend: CountingBackend
) -> None:
    before = backend.ran
    for sigma in (10.0, 3.0, 0.5):
        torch.testing.assert_close(denoised(compiled, sigma), denoised(model, sigma), rtol=1e-5, atol=1e-5)

    assert backend.ran == before + 3
    assert backend.compiled == 1


def test_patches_reach_the_compiled_model(
    model: DiffusionModel, compiled: DiffusionModel, backend: CountingBackend
) -> None:
    factors = AttentionFactors(q=1.0, k=1.0, v=3.0, out=1.0)
    patch = unet_attention_patch(model.network.weights.names, 1, factors)
    plain = denoised(compiled)

    patched = denoised(compiled.with_patches((patch,)))

    assert (patched - plain).abs().max() > 1e-3
    torch.testing.assert_close(patched, denoised(model.with_patches((patch,))), rtol=1e-5, atol=1e-5)
    assert backend.compiled == 1


def test_hooks_inside_the_network_act_and_switch_compiling_off(
    model: DiffusionModel,
    compiled: DiffusionModel,
    backend: CountingBackend,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks = NetworkHooks(input_block=(lambda h, _block, _call: h * 0.5,))
    before = backend.ran

    for _ in range(2):
        torch.testing.assert_close(denoised(compiled, hooks=hooks), denoised(model, hooks=hooks))

    assert backend.ran == before
    assert caplog.messages == ["Nodes change the inside of the network: it is not compiled for them."]


def test_failing_compiler_is_told_once_and_done_without(
    model: DiffusionModel, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_graph: Any, _inputs: list[Tensor]) -> Callable[..., Any]:
        raise OSError("no compiler here")

    broken = replace(model, network=CompiledUNet(model.network, fails))

    for _ in range(2):
        assert torch.equal(denoised(broken), denoised(model))

    warnings = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "no compiler here" in warnings[0].getMessage()
