"""Prompts that cost next to nothing and write pictures."""

from typing import Any


def prompt(prefix: str, *, colour: int, side: int, pictures: int) -> dict[str, Any]:
    """Plain pictures of `side` pixels, saved as prefix_00001_.png and so on."""
    return {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": side, "height": side, "batch_size": pictures, "color": colour},
        },
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": prefix}},
    }
