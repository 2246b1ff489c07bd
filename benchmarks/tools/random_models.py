"""Writes full-size model files with random weights for benchmarks: the keys and shapes of the real ones."""

import gzip
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

KEYS = Path(__file__).resolve().parents[2] / "tests/golden/keys"


def write_random(name: str, path: Path, dtype: torch.dtype) -> Path:
    """Write the file whose key list is `name` with normal weights of std 1/sqrt(fan in), in `dtype`."""
    listed = json.loads(gzip.decompress((KEYS / f"{name}.json.gz").read_bytes()))["keys"]
    generator = torch.Generator().manual_seed(0)
    block = torch.randn(1 << 22, generator=generator)  # drawn once: only its statistics matter
    tensors = {key: _tensor(shape, block).to(dtype) for key, shape, _ in listed}
    save_file(tensors, path)
    return path


def write_random_lora(path: Path, checkpoint: str, rank: int, seed: int) -> Path:
    """Write a LoRA for every attention and feed-forward layer of the UNet whose key list is `checkpoint`."""
    prefix = "model.diffusion_model."
    listed = json.loads(gzip.decompress((KEYS / f"{checkpoint}.json.gz").read_bytes()))["keys"]
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for key, shape, _ in listed:
        if not key.startswith(prefix) or "transformer_blocks" not in key or len(shape) != 2:
            continue
        name = "lora_unet_" + key.removeprefix(prefix).removesuffix(".weight").replace(".", "_")
        tensors[f"{name}.lora_down.weight"] = torch.randn(rank, shape[1], generator=generator) / rank
        tensors[f"{name}.lora_up.weight"] = torch.randn(shape[0], rank, generator=generator) * 0.01
        tensors[f"{name}.alpha"] = torch.tensor(float(rank))
    save_file({key: tensor.half() for key, tensor in tensors.items()}, path)
    return path


def _tensor(shape: list[int], block: torch.Tensor) -> torch.Tensor:
    count = 1
    for side in shape:
        count *= side
    repeats = -(-count // len(block))
    values = block.repeat(repeats)[:count].reshape(shape) if shape else block[0].clone()
    if len(shape) <= 1:
        return 1 + 0.02 * values
    fan_in = count // shape[0]
    return values / fan_in**0.5
