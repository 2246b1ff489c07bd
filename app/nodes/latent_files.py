"""Nodes that keep latents in files."""

from app.files import outputs
from app.files.uploads import resolve_annotated
from app.graph.node_schema import InputSchema, NodeSchema
from app.inference.latents.batch import LatentBatch
from app.inference.latents.file import latent_bytes, read_latent
from app.nodes.context import NodeContext
from app.nodes.declare import NodeClass, NodeResult, choice, output, socket
from app.nodes.image_files import file_fingerprint

SUFFIX = ".latent"


def _save(context: NodeContext, *, samples: LatentBatch, filename_prefix: str) -> NodeResult:
    target = outputs.next_output(context.folders.output, filename_prefix)
    documents = {"prompt": context.prompt, **(context.extra_pnginfo or {})} if context.metadata else {}
    content = latent_bytes(samples.samples, documents)
    path = target.path(suffix=SUFFIX)
    context.created(path)
    outputs.write_atomically(path, lambda file: file.write(content))
    shown = {"filename": path.name, "subfolder": target.subfolder, "type": "output"}
    return NodeResult(ui={"latents": [shown]})


def _load(context: NodeContext, *, latent: str) -> tuple[LatentBatch]:
    return (LatentBatch(samples=read_latent(resolve_annotated(context.folders, latent))),)


def _fingerprint(context: NodeContext, *, latent: str | None) -> str | None:
    return file_fingerprint(context, image=latent)


NODES = (
    NodeClass(
        schema=NodeSchema(
            class_type="SaveLatent",
            display_name="SaveLatent",
            category="_for_testing",
            description="Writes a latent into the output folder, to go on with it later.",
            inputs=(
                socket("samples", "LATENT"),
                InputSchema(
                    name="filename_prefix",
                    type="STRING",
                    options={
                        "default": "latents/ComfyUI",
                        "tooltip": "Beginning of the file name; a slash makes a folder.",
                    },
                ),
            ),
            hidden={"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
            output_node=True,
        ),
        run=_save,
    ),
    NodeClass(
        schema=NodeSchema(
            class_type="LoadLatent",
            display_name="LoadLatent",
            category="_for_testing",
            description="Reads a latent that SaveLatent has written; put the file into the input folder.",
            inputs=(choice("latent", source="input_latents"),),
            outputs=(output("LATENT"),),
            has_fingerprint=True,
            validates=("latent",),
        ),
        run=_load,
        fingerprint=_fingerprint,
    ),
)
