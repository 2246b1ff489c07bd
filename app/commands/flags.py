"""The command line as data: a flag per setting, and ComfyUI's flags that are only accepted; used by cli."""

import argparse
from typing import Any

from app.settings import Settings

SWITCHES = frozenset({"allow_pickle", "cpu", "disable_metadata", "in_process"})
"""Settings that are flags without a value."""

BARE = {"listen": "0.0.0.0,::", "enable_cors_header": "", "verbose": "DEBUG"}
"""What a flag means when it is given without its value."""

VRAM = {
    "--gpu-only": "high",
    "--highvram": "high",
    "--normalvram": "normal",
    "--lowvram": "low",
    "--novram": "none",
}
"""ComfyUI's flags for the setting `vram`."""

WITHOUT_EFFECT = {
    0: [
        "--auto-launch",
        "--disable-auto-launch",
        "--cache-classic",
        "--cache-none",
        "--deterministic",
        "--force-fp16",
        "--force-fp32",
        "--fp16-unet",
        "--bf16-unet",
        "--fp32-unet",
        "--fp8_e4m3fn-unet",
        "--fp8_e5m2-unet",
        "--fp16-vae",
        "--bf16-vae",
        "--fp32-vae",
        "--cpu-vae",
        "--fp16-text-enc",
        "--fp32-text-enc",
        "--bf16-text-enc",
        "--fp8_e4m3fn-text-enc",
        "--fp8_e5m2-text-enc",
        "--force-channels-last",
        "--use-split-cross-attention",
        "--use-quad-cross-attention",
        "--use-pytorch-cross-attention",
        "--use-sage-attention",
        "--use-flash-attention",
        "--disable-xformers",
        "--force-upcast-attention",
        "--dont-upcast-attention",
        "--async-offload",
        "--disable-smart-memory",
        "--force-non-blocking",
        "--dont-print-server",
        "--quick-test-for-ci",
        "--windows-standalone-build",
        "--disable-all-custom-nodes",
        "--disable-api-nodes",
        "--multi-user",
        "--log-stdout",
        "--enable-compress-response-body",
        "--mmap-torch-files",
        "--disable-mmap",
    ],
    1: [
        "--tls-keyfile",
        "--tls-certfile",
        "--cuda-device",
        "--default-device",
        "--cache-lru",
        "--cache-ram",
        "--reserve-vram",
        "--front-end-version",
        "--front-end-root",
        "--comfy-api-base",
        "--database-url",
        "--default-hashing-function",
    ],
    "*": [
        "--fast",
        "--whitelist-custom-nodes",
        "--directml",
        "--oneapi-device-selector",
    ],
}
"""Flags of ComfyUI that start scripts may carry over, by how many values they take."""


def add_settings(parser: argparse.ArgumentParser) -> None:
    """A flag per setting, in the words of the settings' descriptions."""
    for name, field in Settings.model_fields.items():
        flag = f"--{name.replace('_', '-')}"
        about: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS, "help": field.description}
        if name in SWITCHES:
            parser.add_argument(flag, action="store_true", **about)
        elif name in BARE:
            parser.add_argument(flag, nargs="?", const=BARE[name], metavar="VALUE", **about)
        else:
            parser.add_argument(flag, metavar="VALUE", **about)


def add_vram_flags(parser: argparse.ArgumentParser) -> None:
    """ComfyUI's own flags for how models share a GPU."""
    for flag, mode in VRAM.items():
        parser.add_argument(
            flag,
            action="store_const",
            const=mode,
            dest="vram",
            default=argparse.SUPPRESS,
            help=f"the same as --vram {mode}",
        )


def add_without_effect(parser: argparse.ArgumentParser) -> None:
    """Accept ComfyUI's other flags; `without_effect` collects those that were given."""
    for count, flags in WITHOUT_EFFECT.items():
        for flag in flags:
            parser.add_argument(
                flag, nargs=count, action=_Note, dest="without_effect", default=[], help=argparse.SUPPRESS
            )


class _Note(argparse.Action):
    """Remembers that a flag was given and drops its values."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.without_effect = [*namespace.without_effect, option_string or self.option_strings[0]]
