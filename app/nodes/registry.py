"""All built-in nodes by class type; the executor calls them, `make types` writes their declarations down."""

from app.nodes.declare import NodeClass


def builtin_nodes() -> dict[str, NodeClass]:
    """Every built-in node class; importing them loads torch."""
    from app.nodes import conditioning, image, latent, loaders, mask, primitives, sampling

    groups = (
        loaders.NODES,
        conditioning.NODES,
        sampling.NODES,
        latent.NODES,
        image.NODES,
        mask.NODES,
        primitives.NODES,
    )
    return {each.schema.class_type: each for group in groups for each in group}
