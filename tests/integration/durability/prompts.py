"""Prompts that write pictures: plain ones that cost next to nothing, and one of the demo model."""

from typing import Any

from tests.text_to_image import text_to_image


def prompt(prefix: str, *, colour: int, side: int, pictures: int) -> dict[str, Any]:
    """Plain pictures of `side` pixels, saved as prefix_00001_.png and so on."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": side, "height": side, "batch_size": pictures, "color": colour},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }


def drawing(prefix: str, steps: int) -> dict[str, Any]:
    """A picture of the demo model in so many steps."""
    return text_to_image(
        "comfy-creator-demo.safetensors",
        prefix,
        text="a red star",
        size=128,
        seed=7,
        steps=steps,
        cfg=4.0,
        sampler_name="euler_ancestral",
    )
