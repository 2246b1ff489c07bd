"""The prompt of a checkpoint's picture in API format, for tests that do not look at its graph."""

from typing import Any


def text_to_image(
    checkpoint: str, prefix: str, *, text: str = "a", size: int = 64, **sampling: Any
) -> dict[str, Any]:
    """Load, encode, sample (one step unless `sampling` says otherwise), decode, save."""
    settings = {"seed": 1, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "normal"}
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0]}
    nodes: list[tuple[str, dict[str, Any]]] = [
        ("CheckpointLoaderSimple", {"ckpt_name": checkpoint}),
        ("CLIPTextEncode", {"text": text, "clip": ["1", 1]}),
        ("EmptyLatentImage", {"width": size, "height": size, "batch_size": 1}),
        ("KSampler", {**links, "denoise": 1.0, **settings, **sampling}),
        ("VAEDecode", {"samples": ["4", 0], "vae": ["1", 2]}),
        ("SaveImage", {"images": ["5", 0], "filename_prefix": prefix}),
    ]
    return {
        str(number): {"class_type": class_type, "inputs": inputs}
        for number, (class_type, inputs) in enumerate(nodes, start=1)
    }
