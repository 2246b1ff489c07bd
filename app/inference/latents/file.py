"""Reads and writes `.latent` files: one latent and the prompt that made it; latent nodes call it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from app.inference.latents.format import SD1_LATENT
from app.inference.models.errors import WrongModelKind
from app.inference.models.files.model_file import open_model_file
from app.inference.types import Latent

TENSOR = "latent_tensor"
MARKER = "latent_format_version_0"
"""An empty tensor of this name says that the latent is stored as VAEs take it."""


def latent_bytes(latent: Latent, documents: Mapping[str, Any]) -> bytes:
    """A `.latent` file; `documents` (prompt, workflow) are kept in its metadata as JSON."""
    tensors = {TENSOR: latent.contiguous().cpu(), MARKER: torch.empty(0)}
    return save(tensors, metadata={name: json.dumps(document) for name, document in documents.items()})


def read_latent(path: Path) -> Latent:
    """The stored latent, float32, of a `.latent` file.

    Files without the marker are older than it and hold latents in the space of Stable Diffusion 1 models.
    Raises a ModelFileError when the file is something else.
    """
    file = open_model_file(path)
    if TENSOR not in file.tensors:
        raise WrongModelKind(path, "holds no latent", "Choose a file that SaveLatent has written.")
    ((_, latent),) = file.read([TENSOR])
    stored = latent.float()
    return stored if MARKER in file.tensors else SD1_LATENT.process_out(stored)
