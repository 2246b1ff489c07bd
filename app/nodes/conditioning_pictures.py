"""Nodes that give a picture to models that were trained to see one: inpainting and edit models."""

from dataclasses import replace

import torch

from app.graph.node_schema import NodeSchema
from app.inference.conditioning.entry import Conditioning
from app.inference.latents.batch import LatentBatch
from app.inference.models.vae.vae import Vae
from app.inference.pictures.images import Image
from app.inference.pictures.masked_picture import blanked, cut_to_cells, fitted_to_picture
from app.inference.types import Latent, Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, boolean, output, socket
from app.nodes.vae import present_vae

_OUTPUTS = (
    output("CONDITIONING", "positive"),
    output("CONDITIONING", "negative"),
    output("LATENT", "latent"),
)


def _inpaint(
    context: NodeContext,
    *,
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae | None,
    pixels: Image,
    mask: Mask,
    noise_mask: bool,
) -> tuple[Conditioning, Conditioning, LatentBatch]:
    codec = present_vae(vae)
    hole = fitted_to_picture(mask, pixels)
    hole = cut_to_cells(hole.movedim(1, -1)).movedim(-1, 1)
    picture = codec.encode(blanked(cut_to_cells(pixels), hole))
    latent = LatentBatch(samples=codec.encode(pixels), noise_mask=hole if noise_mask else None)
    return _seeing(positive, picture, hole), _seeing(negative, picture, hole), latent


def _edit(
    context: NodeContext,
    *,
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae | None,
    pixels: Image,
) -> tuple[Conditioning, Conditioning, LatentBatch]:
    picture = present_vae(vae).encode(cut_to_cells(pixels))
    latent = LatentBatch(samples=torch.zeros_like(picture))
    return _editing(positive, picture), _editing(negative, picture), latent


def _seeing(conditioning: Conditioning, picture: Latent, hole: Mask) -> Conditioning:
    return tuple(replace(entry, concat_latent=picture, concat_mask=hole) for entry in conditioning)


def _editing(conditioning: Conditioning, picture: Latent) -> Conditioning:
    return tuple(replace(entry, concat_latent=picture) for entry in conditioning)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="InpaintModelConditioning",
            display_name="InpaintModelConditioning",
            category="conditioning/inpaint",
            description="Shows an inpainting model the picture around the hole that it is to fill.",
            inputs=(
                socket("positive", "CONDITIONING"),
                socket("negative", "CONDITIONING"),
                socket("vae", "VAE"),
                socket("pixels", "IMAGE"),
                socket("mask", "MASK", tooltip="White is to be painted."),
                boolean(
                    "noise_mask",
                    default=True,
                    tooltip="Keeps everything outside the mask exactly as it is.",
                ),
            ),
            outputs=_OUTPUTS,
        ),
        run=_inpaint,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="InstructPixToPixConditioning",
            category="conditioning/instructpix2pix",
            description="Shows an edit model (InstructPix2Pix) the picture that the text asks to change.",
            module="comfy_extras.nodes_ip2p",
            inputs=(
                socket("positive", "CONDITIONING"),
                socket("negative", "CONDITIONING"),
                socket("vae", "VAE"),
                socket("pixels", "IMAGE"),
            ),
            outputs=_OUTPUTS,
            v3=True,
        ),
        run=_edit,
    ),
)
