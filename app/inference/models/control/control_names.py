"""Tensor names of ControlNets of the original layout in diffusers' words; the loaders of control nets ask."""

from collections.abc import Iterator, Mapping, Sequence

from app.inference.models.files.ldm_names import UNetLevel, rename, unet_modules

_HINT_LAYERS = 8  # convolutions of the hint network, which are every second entry of its list


def control_modules(levels: Sequence[UNetLevel]) -> dict[str, str]:
    """Prefixes of the original names to prefixes of diffusers' for a net of these levels."""
    modules = {**unet_modules(levels), "middle_block_out.0": "controlnet_mid_block"}
    blocks = sum(level.blocks + 1 for level in levels)
    modules |= {f"zero_convs.{block}.0": f"controlnet_down_blocks.{block}" for block in range(blocks)}
    return modules | dict(_hint_modules())


def renamed(stored: Mapping[str, str], levels: Sequence[UNetLevel]) -> dict[str, str]:
    """Diffusers' names to the file's, of original names to the file's; strangers are left out."""
    modules = control_modules(levels)
    names = {rename(name, modules): file_name for name, file_name in stored.items()}
    return {name: file_name for name, file_name in names.items() if name is not None}


def _hint_modules() -> Iterator[tuple[str, str]]:
    hint = "controlnet_cond_embedding"
    yield "input_hint_block.0", f"{hint}.conv_in"
    for layer in range(1, _HINT_LAYERS - 1):
        yield f"input_hint_block.{2 * layer}", f"{hint}.blocks.{layer - 1}"
    yield f"input_hint_block.{2 * (_HINT_LAYERS - 1)}", f"{hint}.conv_out"
