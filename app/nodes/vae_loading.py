"""The node that loads VAEs: from files of their own, tiny autoencoders, and the one that does nothing."""

from pathlib import Path

from torch import device as Device

from app.files.errors import FileNotAvailable
from app.files.vae_menu import PIXEL_SPACE, TINY_VAES, tiny_vae_file
from app.graph.node_schema import NodeSchema
from app.inference.models.checkpoint import load_vae_file
from app.inference.models.vae.load_taesd import load_taesd
from app.inference.models.vae.pixel_codec import PixelCodec
from app.inference.models.vae.vae import Vae
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, output


def _load(context: NodeContext, *, vae_name: str) -> tuple[Vae]:
    if vae_name == PIXEL_SPACE:
        return (Vae(codec=PixelCodec()),)
    if vae_name in TINY_VAES:
        return (_load_tiny(context, vae_name),)
    path = context.folders.models.resolve("vae", vae_name)
    return (context.models.get("vae", path, load_vae_file),)


def _load_tiny(context: NodeContext, name: str) -> Vae:
    models = context.folders.models
    halves = tiny_vae_file(models, name, "encoder"), tiny_vae_file(models, name, "decoder")
    if halves[0] is None or halves[1] is None:
        raise FileNotAvailable(
            f"{name} needs the files {name}_encoder and {name}_decoder. {models.hint('vae_approx')}"
        )
    encoder, decoder = (models.resolve("vae_approx", each) for each in halves if each is not None)

    def load(path: Path, device: Device) -> Vae:
        return Vae(codec=load_taesd(name, context.models.readable(encoder), path, device))

    return context.models.get(f"{name} with {encoder}", decoder, load)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="VAELoader",
            display_name="Load VAE",
            category="loaders",
            description="Loads a VAE from a file of its own, to be used instead of the checkpoint's.",
            inputs=(
                choice(
                    "vae_name",
                    source="vaes",
                    tooltip="A file in models/vae; taesd and its kin are small, fast and coarse "
                    "(files in models/vae_approx); pixel_space is for models that work on pixels.",
                ),
            ),
            outputs=(output("VAE"),),
        ),
        run=_load,
    ),
)
