"""Nodes that turn pictures into latents and back."""

from app.graph.node_schema import NodeSchema
from app.inference.latents.batch import LatentBatch
from app.inference.models.errors import PartMissing
from app.inference.models.vae.vae import Vae
from app.inference.pictures.images import Image
from app.inference.pictures.masked_picture import blanked, cut_to_cells, fitted_to_picture, grown
from app.inference.types import Mask
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, integer, output, socket


def _decode(context: NodeContext, *, samples: LatentBatch, vae: Vae | None) -> tuple[Image]:
    return (present_vae(vae).decode(samples.samples),)


def _encode(context: NodeContext, *, pixels: Image, vae: Vae | None) -> tuple[LatentBatch]:
    return (LatentBatch(samples=present_vae(vae).encode(pixels)),)


def _decode_tiled(
    context: NodeContext,
    *,
    samples: LatentBatch,
    vae: Vae | None,
    tile_size: int,
    overlap: int,
    temporal_size: int,
    temporal_overlap: int,
) -> tuple[Image]:
    vae = present_vae(vae)
    image = vae.decode_tiled(
        samples.samples,
        tile=tile_size // vae.ratio,
        overlap=_fitting(overlap, tile_size) // vae.ratio,
        on_tile=context.progress,
    )
    return (image,)


def _encode_tiled(
    context: NodeContext,
    *,
    pixels: Image,
    vae: Vae | None,
    tile_size: int,
    overlap: int,
    temporal_size: int,
    temporal_overlap: int,
) -> tuple[LatentBatch]:
    latent = present_vae(vae).encode_tiled(
        pixels[..., :3], tile=tile_size, overlap=_fitting(overlap, tile_size), on_tile=context.progress
    )
    return (LatentBatch(samples=latent),)


def _encode_for_inpaint(
    context: NodeContext, *, pixels: Image, vae: Vae | None, mask: Mask, grow_mask_by: int
) -> tuple[LatentBatch]:
    fitted = fitted_to_picture(mask, pixels)
    picture, area = cut_to_cells(pixels), cut_to_cells(fitted.movedim(1, -1)).movedim(-1, 1)
    samples = present_vae(vae).encode(blanked(picture, area))
    return (LatentBatch(samples=samples, noise_mask=grown(area, grow_mask_by)),)


def _fitting(overlap: int, tile: int) -> int:
    """The overlap, or a quarter of the tile where it is more."""
    return min(overlap, tile // 4)


def present_vae(vae: Vae | None) -> Vae:
    """The VAE, or PartMissing with what to do when the checkpoint held none."""
    if vae is None:
        raise PartMissing("The checkpoint holds no VAE: load one with Load VAE and connect it here instead.")
    return vae


_TILES = (
    integer(
        "overlap",
        default=64,
        low=0,
        high=4096,
        step=32,
        tooltip="Pixels that neighbouring tiles share; at most a quarter of a tile counts.",
    ),
    integer("temporal_size", default=64, low=8, high=4096, step=4, tooltip="Frames at a time, for videos."),
    integer("temporal_overlap", default=8, low=4, high=4096, step=4, tooltip="Frames shared, for videos."),
)
_SIZE = "Longest side of a square tile in pixels; smaller ones need less memory."

NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="VAEDecode",
            display_name="VAE Decode",
            category="latent",
            description="Turns latents into pictures.",
            inputs=(socket("samples", "LATENT"), socket("vae", "VAE")),
            outputs=(output("IMAGE"),),
        ),
        run=_decode,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="VAEEncode",
            display_name="VAE Encode",
            category="latent",
            description="Turns pictures into latents, to start from a picture instead of noise.",
            inputs=(socket("pixels", "IMAGE"), socket("vae", "VAE")),
            outputs=(output("LATENT"),),
        ),
        run=_encode,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="VAEDecodeTiled",
            display_name="VAE Decode (Tiled)",
            category="_for_testing",
            description="Turns latents into pictures tile by tile, which takes less memory.",
            inputs=(
                socket("samples", "LATENT"),
                socket("vae", "VAE"),
                integer("tile_size", default=512, low=64, high=4096, step=32, tooltip=_SIZE),
                *_TILES,
            ),
            outputs=(output("IMAGE"),),
        ),
        run=_decode_tiled,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="VAEEncodeTiled",
            display_name="VAE Encode (Tiled)",
            category="_for_testing",
            description="Turns pictures into latents tile by tile, which takes less memory.",
            inputs=(
                socket("pixels", "IMAGE"),
                socket("vae", "VAE"),
                integer("tile_size", default=512, low=64, high=4096, step=64, tooltip=_SIZE),
                *_TILES,
            ),
            outputs=(output("LATENT"),),
        ),
        run=_encode_tiled,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="VAEEncodeForInpaint",
            display_name="VAE Encode (for Inpainting)",
            category="latent/inpaint",
            description="Turns pictures into latents with the masked part greyed out, to be painted anew.",
            inputs=(
                socket("pixels", "IMAGE"),
                socket("vae", "VAE"),
                socket("mask", "MASK"),
                integer(
                    "grow_mask_by",
                    default=6,
                    low=0,
                    high=64,
                    step=1,
                    tooltip="Pixels around the mask that may change as well.",
                ),
            ),
            outputs=(output("LATENT"),),
        ),
        run=_encode_for_inpaint,
    ),
)
