"""Nodes that load whole models as older workflows do: with a config, or from a model folder of diffusers."""

from app.files.diffusers_menu import resolve_diffusers
from app.graph.node_schema import NodeSchema
from app.inference.models.checkpoint import load_vae_file
from app.inference.models.diffusion_model import DiffusionModel
from app.inference.models.files.diffusers_folder import diffusers_folder
from app.inference.models.original_config import read_original_config
from app.inference.models.text_encoder import TextEncoder
from app.inference.models.vae.vae import Vae
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, choice, output
from app.nodes.loaders import checkpoint_of, diffusion_model_of, text_encoder_of


def _load_with_config(
    context: NodeContext, *, config_name: str, ckpt_name: str
) -> tuple[DiffusionModel, TextEncoder | None, Vae | None]:
    config = read_original_config(context.folders.models.resolve("configs", config_name))
    checkpoint = config.applied(checkpoint_of(context, ckpt_name))
    return checkpoint.diffusion_model, checkpoint.text_encoder, checkpoint.vae


def _load_folder(context: NodeContext, *, model_path: str) -> tuple[DiffusionModel, TextEncoder, Vae]:
    parts = diffusers_folder(resolve_diffusers(context.folders.models, model_path))
    return (
        diffusion_model_of(context, parts.unet),
        text_encoder_of(context, parts.text_encoders),
        context.models.get("vae", parts.vae, load_vae_file),
    )


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="CheckpointLoader",
            display_name="Load Checkpoint With Config (DEPRECATED)",
            category="advanced/loaders",
            description="Loads a checkpoint and takes the meaning of its output and the layer of its text "
            "encoder from a config; Load Checkpoint finds out by itself.",
            inputs=(
                choice("config_name", source="models:configs", tooltip="A .yaml file in models/configs."),
                choice("ckpt_name", source="models:checkpoints", tooltip="A file in models/checkpoints."),
            ),
            outputs=(output("MODEL"), output("CLIP"), output("VAE")),
            deprecated=True,
        ),
        run=_load_with_config,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="DiffusersLoader",
            display_name="DiffusersLoader",
            category="advanced/loaders/deprecated",
            description="Loads a Stable Diffusion model from a folder as diffusers saves it.",
            inputs=(
                choice(
                    "model_path",
                    source="diffusers_folders",
                    tooltip="A folder in models/diffusers that holds a model_index.json.",
                ),
            ),
            outputs=(output("MODEL"), output("CLIP"), output("VAE")),
        ),
        run=_load_folder,
    ),
)
