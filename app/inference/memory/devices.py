"""Chooses the compute device and number formats, and describes the devices for the server's statistics."""

import contextlib
import ctypes
import platform
import sys
from pathlib import Path

import torch
from torch import device as Device

from app.inference.memory.host_memory import free_host_bytes, total_host_bytes
from app.protocol import events

CPU = Device("cpu")


def choose_device(*, cpu: bool = False) -> Device:
    """CUDA, else Apple's GPU, else the CPU; `cpu` forces the last."""
    if cpu:
        return CPU
    if torch.cuda.is_available():
        return Device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return Device("mps")
    return CPU


def compute_dtype(device: Device) -> torch.dtype:
    """Format a diffusion network computes in.

    On the CPU everything runs in float32: half precision is slower there. On a GPU the networks of Stable
    Diffusion 1, 2 and XL run in float16 whatever their file stores, as ComfyUI does it: a seed means the same
    picture, in half the memory.
    """
    if device.type == "cpu":
        return torch.float32
    return torch.float16


def vae_dtype(device: Device) -> torch.dtype:
    """Format a VAE computes in: as in ComfyUI bfloat16 where the GPU has it in hardware, else float32."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32


def describe_devices(device: Device) -> list[events.Device]:
    """The device in use as the server reports it, with its memory at this moment in bytes."""
    if device.type == "cuda":
        return [_describe_cuda(device)]
    total, free = total_host_bytes(), free_host_bytes()
    name = "Apple GPU" if device.type == "mps" else _cpu_name()
    return [
        events.Device(
            name=name,
            type=device.type,
            index=None,
            vram_total=total,
            vram_free=free,
            torch_vram_total=total,
            torch_vram_free=free,
        )
    ]


def memory_budget_bytes(device: Device) -> int:
    """How much loaded models may take together before the oldest are dropped: 70 % of the memory."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory * 0.7)
    return int(total_host_bytes() * 0.7)


def spare_memory_bytes(device: Device) -> int:
    """Memory of the device that nobody uses at this moment."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free_host_bytes()


def release_cached_memory(device: Device) -> None:
    """Give memory that torch and the C library keep for later back to the device and the system."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library has no such function
            ctypes.CDLL(None).malloc_trim(0)


def _describe_cuda(device: Device) -> events.Device:
    free, total = torch.cuda.mem_get_info(device)
    reserved = torch.cuda.memory_reserved(device)
    allocated = torch.cuda.memory_allocated(device)
    return events.Device(
        name=f"{device} {torch.cuda.get_device_name(device)}",
        type="cuda",
        index=device.index,
        vram_total=total,
        vram_free=free + reserved - allocated,
        torch_vram_total=reserved,
        torch_vram_free=reserved - allocated,
    )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
