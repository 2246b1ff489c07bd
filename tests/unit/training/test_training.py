"""The training from an empty folder to a checkpoint the product loads, in a few steps of tiny stages."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import device as Device

from app.inference.denoiser import Feed
from app.inference.hooks.network import NO_NETWORK_HOOKS
from app.inference.models.checkpoint import load_checkpoint
from app.inference.models.files.ldm_names import original_vae_name, vae_name
from app.training.demo_model.__main__ import main
from app.training.demo_model.export import (
    FILE_NAME,
    TEXT_PREFIX,
    export_checkpoint,
)
from app.training.demo_model.latents import DefinedLatents
from app.training.demo_model.learn_unet import UNET_STAGES, UNetLearner, alphas_cumprod, draw_levels
from app.training.demo_model.learn_vae import VAE_STAGES, VaeLearner
from app.training.demo_model.networks import make_unet, make_vae, text_states
from app.training.demo_model.training_loop import Learner, Stage, TrainingRun, averaged_weights
from app.training.demo_model.words import compact_batch, used_tokens
from tests.checkpoints import Tiny, tiny_weights
from tests.unit.inference.toy_model import one_call

CPU = Device("cpu")
HOUR_S = 3600.0


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def shortened(stages: tuple[Stage, ...], names: set[str]) -> tuple[Stage, ...]:
    return tuple(dataclasses.replace(stage, max_steps=2) for stage in stages if stage.name in names)


UNET_SHORT = shortened(UNET_STAGES, {"unet 64 first", "unet 128"})
VAE_SHORT = shortened(VAE_STAGES, {"decoder 64", "encoder 64"})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both trainings after two steps per stage, and the exported checkpoint."""
    folder = tmp_path_factory.mktemp("training")
    TrainingRun(UNetLearner(CPU), UNET_SHORT, folder / "unet.pt", HOUR_S).run()
    TrainingRun(VaeLearner(CPU), VAE_SHORT, folder / "vae.pt", HOUR_S).run()
    export_checkpoint(folder / "unet.pt", folder / "vae.pt", folder / FILE_NAME)
    return folder


class StopsAfter:
    """A learner that is pulled out in the middle of a stage."""

    def __init__(self, learner: Learner, steps: int) -> None:
        self.network = learner.network
        self._learner, self._left = learner, steps

    def loss(self, stage: str, step: int) -> torch.Tensor:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        return self._learner.loss(stage, step)

    def report(self) -> str:
        return self._learner.report()


def test_a_stopped_training_ends_like_one_that_ran_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = shortened(VAE_STAGES, {"encoder 64"})
    torch.manual_seed(1)
    TrainingRun(VaeLearner(CPU), stages, tmp_path / "through.pt", HOUR_S).run()

    monkeypatch.setattr("app.training.demo_model.training_loop.SAVE_EVERY_S", 0.0)
    torch.manual_seed(1)
    stopped = TrainingRun(StopsAfter(VaeLearner(CPU), 1), stages, tmp_path / "stopped.pt", HOUR_S)
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    TrainingRun(VaeLearner(CPU), stages, tmp_path / "stopped.pt", HOUR_S).run()

    through, resumed = (averaged_weights(tmp_path / f"{name}.pt") for name in ("through", "stopped"))
    for name, tensor in through.items():
        torch.testing.assert_close(resumed[name], tensor, atol=2e-5, rtol=1e-3)


def test_a_finished_training_has_nothing_left_to_do(trained: Path) -> None:
    TrainingRun(StopsAfter(UNetLearner(CPU), 0), UNET_SHORT, trained / "unet.pt", HOUR_S).run()


def test_time_ends_a_stage(tmp_path: Path) -> None:
    learner = StopsAfter(VaeLearner(CPU), 3)
    stage = dataclasses.replace(VAE_STAGES[1], share=1.0)
    TrainingRun(learner, (stage,), tmp_path / "vae.pt", budget_s=1e-6).run()


def test_the_checkpoint_has_exactly_the_names_and_shapes_of_its_layout(trained: Path) -> None:
    sizes = Tiny(channels=64, text_width=128, text_layers=2, vae_width=64)
    expected = {name: tuple(tensor.shape) for name, tensor in tiny_weights(sizes).items()}
    expected[f"{TEXT_PREFIX}embeddings.position_ids"] = (1, 77)
    with safe_open(trained / FILE_NAME, framework="pt") as file:
        stored = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  no mapping
    assert stored == expected


def test_the_checkpoint_is_small_and_half_precision(trained: Path) -> None:
    assert (trained / FILE_NAME).stat().st_size <= 32 * 2**20
    with safe_open(trained / FILE_NAME, framework="pt") as file:
        dtypes = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118  no mapping
    assert dtypes == {"F16", "I64"}


def test_the_product_loads_the_networks_that_were_trained(trained: Path) -> None:
    learner, vae = UNetLearner(CPU), make_vae()
    learner.network.load_state_dict(averaged_weights(trained / "unet.pt"))
    vae.load_state_dict(averaged_weights(trained / "vae.pt"))
    loaded = load_checkpoint(trained / FILE_NAME, CPU)
    assert loaded.text_encoder is not None
    assert loaded.vae is not None
    text = "a small red circle on a blue background"
    generator = torch.Generator().manual_seed(2)
    noise: Any = torch.randn(1, 4, 16, 16, generator=generator)  # Any: diffusers declares a CPU type
    with torch.no_grad():
        states = text_states(learner.network.text, compact_batch([text]))  # pyright: ignore[reportArgumentType]
        epsilon = learner.network.unet(noise, 500, states).sample  # pyright: ignore[reportCallIssue]
        picture = vae.decode(noise, return_dict=False)[0].clamp(-1, 1) / 2 + 0.5
        (entry,) = loaded.text_encoder.encode(text)
        sampling = loaded.diffusion_model.model_sampling
        sigma = sampling.sigmas[500]
        x = noise * torch.sqrt(sigma**2 + 1)
        denoised = loaded.diffusion_model.denoise(
            x, Feed(context=entry.tokens), one_call(sigma, sampling), NO_NETWORK_HOOKS
        )
        decoded = loaded.vae.decode(noise / 0.18215)

    torch.testing.assert_close(entry.tokens, states, atol=2e-2, rtol=0)  # fp16 weights
    torch.testing.assert_close((x - denoised) / sigma, epsilon, atol=2e-2, rtol=0)
    torch.testing.assert_close(decoded.movedim(-1, 1), picture, atol=2e-2, rtol=0)


def test_stored_latents_of_a_picture_are_the_defined_ones_divided_by_the_scale(trained: Path) -> None:
    vae = make_vae()
    vae.load_state_dict(averaged_weights(trained / "vae.pt"))
    loaded = load_checkpoint(trained / FILE_NAME, CPU)
    assert loaded.vae is not None
    picture = torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = vae.encode(picture.movedim(-1, 1) * 2 - 1, return_dict=False)[0].mean
    torch.testing.assert_close(loaded.vae.encode(picture) * 0.18215, expected, atol=2e-2, rtol=0)


def test_preview_colours_travel_with_the_file(trained: Path) -> None:
    factors = load_checkpoint(trained / FILE_NAME, CPU).diffusion_model.preview_factors
    colours = DefinedLatents().preview_colours()
    assert [list(row) for row in factors.factors] == colours["factors"]
    assert list(factors.bias) == colours["bias"]


def test_words_that_were_not_trained_are_zero_or_synonyms(trained: Path) -> None:
    with safe_open(trained / FILE_NAME, framework="pt") as file:
        table = file.get_tensor(f"{TEXT_PREFIX}embeddings.token_embedding.weight")
    meaningful = set(table.abs().sum(1).nonzero().flatten().tolist())
    assert set(used_tokens()) <= meaningful
    assert len(meaningful) == len(used_tokens()) + 10


def test_vae_names_are_the_inverse_of_the_loader_s() -> None:
    for name in make_vae().state_dict():
        assert vae_name(original_vae_name(name, 4), 4) == name


def test_noise_levels_follow_stable_diffusion_1() -> None:
    kept = alphas_cumprod()
    sigma = ((1 - kept) / kept).sqrt()
    assert float(sigma[0]) == pytest.approx(0.029167158, rel=1e-6)
    assert float(sigma[-1]) == pytest.approx(14.614641, rel=1e-6)


def test_noisy_levels_are_drawn_more_often() -> None:
    torch.manual_seed(0)
    levels = draw_levels(20_000)
    assert (int(levels.min()), int(levels.max())) == pytest.approx((0, 999), abs=2)
    assert float((levels >= 700).float().mean()) == pytest.approx(0.25 + 0.75 * 0.3, abs=0.015)


def test_eight_heads_everywhere_in_the_unet() -> None:
    heads = {
        module.heads for name, module in make_unet().named_modules() if name.endswith((".attn1", ".attn2"))
    }
    assert heads == {8}


def test_a_started_training_is_not_overwritten_unasked(
    trained: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = (trained / "unet.pt").read_bytes()
    assert main(["--out", str(trained), "--no-resume"]) == 2
    assert "--no-resume" in caplog.text
    assert (trained / "unet.pt").read_bytes() == before


def test_export_alone_writes_the_file_again(trained: Path) -> None:
    (trained / FILE_NAME).unlink()
    assert main(["--out", str(trained), "--part", "export"]) == 0
    assert (trained / FILE_NAME).exists()
