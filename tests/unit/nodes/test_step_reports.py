"""Previews of sampling: decoded by a tiny autoencoder where it is there, by a linear map otherwise."""

import io
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from PIL import Image as Pillow
from safetensors.torch import save_file

from app.inference.models.diffusion_model import DiffusionModel
from app.inference.pictures.preview import (
    SD1_PREVIEW,
    SDXL_PREVIEW,
    LatentRgb,
    decoded_preview,
    latent_preview,
)
from app.nodes.step_reports import step_reporter
from tests.tiny_vae_files import save_tiny_vae, tiny_autoencoder
from tests.unit.nodes.recording_context import RecordingContext

DENOISED = torch.linspace(-2, 2, 2 * 4 * 8 * 12).reshape(2, 4, 8, 12)


class Model:
    """What the reporter reads of a model."""

    preview_factors: LatentRgb = SD1_PREVIEW
    channels = 4


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


@pytest.fixture
def folder(context: RecordingContext) -> Path:
    return context.folders.base / "models/vae_approx"


def first_preview(context: RecordingContext, method: str, model: Any = Model) -> bytes:
    context.preview_method = method
    step_reporter(context, cast("DiffusionModel", model))(0, 4, DENOISED, DENOISED)
    assert context.steps == [(1, 4)]
    (jpeg,) = context.previews
    return jpeg


class XlModel(Model):
    """The same for SDXL."""

    preview_factors = SDXL_PREVIEW


@pytest.mark.parametrize("method", ["taesd", "auto"])
@pytest.mark.parametrize(("model", "name"), [(Model, "taesd"), (XlModel, "taesdxl")])
def test_tiny_decoder_of_the_family_makes_the_previews_where_its_file_is(
    context: RecordingContext, folder: Path, method: str, model: Any, name: str
) -> None:
    network = tiny_autoencoder()
    save_tiny_vae(folder, name, network)

    jpeg = first_preview(context, method, model)

    picture = (network.decode(DENOISED[:1], return_dict=False)[0][0] + 1) / 2
    wanted = Pillow.open(io.BytesIO(decoded_preview(picture.clamp(0, 1), 512)))
    shown = Pillow.open(io.BytesIO(jpeg))
    assert shown.size == (96, 64)
    difference = torch.frombuffer(bytearray(shown.tobytes()), dtype=torch.uint8).int() - torch.frombuffer(
        bytearray(wanted.tobytes()), dtype=torch.uint8
    )
    assert difference.abs().max() <= 2


def test_linear_previews_are_made_when_they_are_asked_for(context: RecordingContext, folder: Path) -> None:
    save_tiny_vae(folder, "taesd", tiny_autoencoder())

    assert first_preview(context, "latent2rgb") == latent_preview(DENOISED, SD1_PREVIEW, 512)


def test_no_previews_are_made_when_none_are_wanted(context: RecordingContext) -> None:
    context.preview_method = "none"

    step_reporter(context, cast("DiffusionModel", Model))(0, 1, DENOISED, DENOISED)

    assert context.previews == []
    assert context.steps == [(1, 1)]


def test_missing_decoder_is_told_once_and_replaced_by_the_linear_map(
    context: RecordingContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    jpeg = first_preview(context, "taesd")

    assert jpeg == latent_preview(DENOISED, SD1_PREVIEW, 512)
    assert caplog.messages == [
        "Previews are made without a decoder: there is no taesd_decoder in models/vae_approx."
    ]


def test_auto_is_silent_about_a_decoder_that_is_not_there(
    context: RecordingContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    assert first_preview(context, "auto") == latent_preview(DENOISED, SD1_PREVIEW, 512)
    assert caplog.messages == []


@pytest.mark.parametrize("kind", ["damaged", "other latents", "other model"])
def test_sampling_goes_on_with_a_decoder_that_cannot_be_used(
    context: RecordingContext, folder: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    model: Any = Model()
    folder.mkdir(parents=True, exist_ok=True)
    match kind:
        case "damaged":
            save_file({"x": torch.zeros(1)}, folder / "taesd_decoder.safetensors")
        case "other latents":
            save_tiny_vae(folder, "taesd", tiny_autoencoder(16))
        case _:
            save_tiny_vae(folder, "taesd", tiny_autoencoder())
            model.preview_factors = replace(SD1_PREVIEW, tiny_vae=None)

    jpeg = first_preview(context, "taesd", model)

    assert jpeg == latent_preview(DENOISED, SD1_PREVIEW, 512)
    assert len([each for each in caplog.messages if "without a decoder" in each]) == (kind != "other model")
