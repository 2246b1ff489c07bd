"""Where the trials of nodes of files and autoencoders begin; `test_model_inputs_matter.py` tries them."""

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image as Pillow
from safetensors.torch import save_file

from app.inference.models.upscalers.rrdb_network import RrdbNetwork, RrdbShape
from tests.diffusers_folders import save_diffusers_folder
from tests.golden_models import SECOND_SALT
from tests.integration.nodes.kit import Kit, Start
from tests.unit.nodes.tiny_runs import call


def checkpoint_file(kit: Kit) -> Start:
    names = [kit.models.path(f"golden_sd1{suffix}.safetensors").name for suffix in ("", "_b")]
    return Start({"ckpt_name": names[0]}, {"ckpt_name": names[1]})


def checkpoint_with_config(kit: Kit) -> Start:
    texts = {"plain.yaml": "model: {}\n", "velocity.yaml": "model: {params: {parameterization: v}}\n"}
    for name, text in texts.items():
        path = kit.base / "models/configs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    plain, velocity = texts
    file = checkpoint_file(kit)
    return Start({"config_name": plain, **file.inputs}, {"config_name": velocity, **file.others})


def folder_of_diffusers(kit: Kit) -> Start:
    for name, salt in (("tried a", ""), ("tried b", SECOND_SALT)):
        save_diffusers_folder("sd1", kit.base / "models/diffusers" / name, salt)
    return Start({"model_path": "tried a"}, {"model_path": "tried b"})


def unet_of_file(kit: Kit) -> Start:
    first = kit.models.path("golden_sd1_unet.safetensors").name
    other = kit.copied("golden_sd1_b.safetensors", "diffusion_models")
    return Start({"unet_name": first}, {"unet_name": other, "weight_dtype": "fp8_e5m2"})


def text_encoder_file(kit: Kit) -> Start:
    names = [kit.copied(f"golden_sd1{suffix}.safetensors", "text_encoders") for suffix in ("", "_b")]
    return Start({"clip_name": names[0]}, {"clip_name": names[1], "type": "sd3"})


def text_encoder_files(kit: Kit) -> Start:
    files: list[str] = []
    for name, clip in (("first", kit.clip), ("second", kit.other[1])):
        for kind, network in clip.networks.items():
            path = kit.base / f"models/text_encoders/{name}_{kind}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(
                {key: each.contiguous() for key, each in network.weights.network.state_dict().items()}, path
            )
            files.append(path.name)
    inputs = {"clip_name1": files[0], "clip_name2": files[1], "type": "sdxl"}
    return Start(inputs, {"clip_name1": files[2], "clip_name2": files[3], "type": "sd3"})


def vae_file(kit: Kit) -> Start:
    first, second = kit.two_files("golden_vae.safetensors")
    return Start({"vae_name": first}, {"vae_name": second})


def other_vae(kit: Kit) -> Any:
    return call(kit.context, "VAELoader", vae_name=kit.models.path("golden_vae.safetensors").name)[0]


def decoding(**numbers: tuple[int, int]) -> Callable[[Kit], Start]:
    def start(kit: Kit) -> Start:
        wide = [each.with_samples(each.samples.repeat(1, 1, 2, 2)) for each in kit.latents]
        inputs = {"samples": wide[0], "vae": kit.vae} | {name: pair[0] for name, pair in numbers.items()}
        others = {"samples": wide[1], "vae": other_vae(kit)} | {
            name: pair[1] for name, pair in numbers.items()
        }
        return Start(inputs, others)

    return start


def encoding(**numbers: tuple[int, int]) -> Callable[[Kit], Start]:
    def start(kit: Kit) -> Start:
        wide = [each.repeat(1, 2, 2, 1) for each in kit.pictures]
        inputs = {"pixels": wide[0], "vae": kit.vae} | {name: pair[0] for name, pair in numbers.items()}
        others = {"pixels": wide[1], "vae": other_vae(kit)} | {
            name: pair[1] for name, pair in numbers.items()
        }
        return Start(inputs, others)

    return start


def encoding_of_hole(kit: Kit) -> Start:
    inputs = {"pixels": kit.pictures[0], "vae": kit.vae, "mask": kit.masks[0], "grow_mask_by": 6}
    others = {"pixels": kit.pictures[1], "vae": other_vae(kit), "mask": kit.masks[1], "grow_mask_by": 0}
    return Start(inputs, others)


def upscaler_files(kit: Kit) -> tuple[str, str]:
    folder = kit.base / "models/upscale_models"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(("tiny_a", "tiny_b")):
        torch.manual_seed(seed)
        network = RrdbNetwork(RrdbShape(width=8, growth=4, blocks=1, doublings=1))
        save_file(network.state_dict(), folder / f"{name}.safetensors")
    return "tiny_a.safetensors", "tiny_b.safetensors"


def upscaler_file(kit: Kit) -> Start:
    first, second = upscaler_files(kit)
    return Start({"model_name": first}, {"model_name": second})


def upscaling(kit: Kit) -> Start:
    loaded = (call(kit.context, "UpscaleModelLoader", model_name=each)[0] for each in upscaler_files(kit))
    first, second = loaded
    inputs = {"upscale_model": first, "image": kit.pictures[0]}
    return Start(inputs, {"upscale_model": second, "image": kit.pictures[1]})


def saving(*names: str, **numbers: tuple[Any, Any]) -> Callable[[Kit], Start]:
    """A node that writes or shows the named things."""

    def start(kit: Kit) -> Start:
        film = [torch.cat([each, each.flip(1)]) for each in kit.pictures]
        parts = {
            "model": (kit.model, kit.other[0]),
            "clip": (kit.clip, kit.other[1]),
            "vae": (kit.vae, other_vae(kit)),
            "samples": kit.latents,
            "images": film,
            "mask": kit.masks,
            "filename_prefix": ("tried/a", "elsewhere/b"),
        }
        chosen = {name: parts[name] for name in names} | numbers
        return Start(
            {name: pair[0] for name, pair in chosen.items()}, {name: pair[1] for name, pair in chosen.items()}
        )

    return start


def picture_file(folder: str = "input", **more: tuple[Any, Any]) -> Callable[[Kit], Start]:
    def start(kit: Kit) -> Start:
        for name, colour in (("tried_a.png", (250, 100, 20)), ("tried_b.png", (20, 100, 250))):
            (kit.base / folder).mkdir(parents=True, exist_ok=True)
            Pillow.new("RGB", (8, 8), colour).save(kit.base / folder / name)
        names = [f"tried_{letter}.png [{folder}]" for letter in "ab"]
        return Start(
            {"image": names[0]} | {name: pair[0] for name, pair in more.items()},
            {"image": names[1]} | {name: pair[1] for name, pair in more.items()},
        )

    return start


def latent_file(kit: Kit) -> Start:
    for name, latent in zip("ab", kit.latents, strict=True):
        content = {"latent_tensor": latent.samples.contiguous(), "latent_format_version_0": torch.tensor([])}
        save_file(content, kit.base / f"input/tried_{name}.latent")
    return Start({"latent": "tried_a.latent"}, {"latent": "tried_b.latent"})


def blank(kit: Kit) -> Start:
    return Start({"width": 16, "height": 8}, {"width": 24, "height": 16, "batch_size": 2, "color": 0x336699})


STARTS: dict[str, Callable[[Kit], Start]] = {
    "CheckpointLoaderSimple": checkpoint_file,
    "CheckpointLoader": checkpoint_with_config,
    "DiffusersLoader": folder_of_diffusers,
    "UNETLoader": unet_of_file,
    "CLIPLoader": text_encoder_file,
    "VAELoader": vae_file,
    "VAEDecode": decoding(),
    "VAEDecodeTiled": decoding(tile_size=(64, 128), overlap=(16, 0)),
    "VAEEncode": encoding(),
    "VAEEncodeTiled": encoding(tile_size=(64, 128), overlap=(16, 0)),
    "VAEEncodeForInpaint": encoding_of_hole,
    "UpscaleModelLoader": upscaler_file,
    "ImageUpscaleWithModel": upscaling,
    "CheckpointSave": saving("model", "clip", "vae", "filename_prefix"),
    "CLIPSave": saving("clip", "filename_prefix"),
    "ModelSave": saving("model", "filename_prefix"),
    "VAESave": saving("vae", "filename_prefix"),
    "SaveLatent": saving("samples", "filename_prefix"),
    "SaveImage": saving("images", "filename_prefix"),
    "SaveAnimatedPNG": saving("images", "filename_prefix", fps=(6.0, 3.0), compress_level=(0, 9)),
    "SaveAnimatedWEBP": saving(
        *("images", "filename_prefix"),
        **{
            "fps": (6.0, 3.0),
            "lossless": (False, True),
            "quality": (80, 5),
            "method": ("default", "slowest"),
        },
    ),
    "SaveImageWebsocket": saving("images"),
    "PreviewImage": saving("images"),
    "MaskPreview": saving("mask"),
    "LoadImage": picture_file(),
    "LoadImageMask": picture_file(channel=("red", "blue")),
    "LoadImageOutput": picture_file("output"),
    "WebcamCapture": picture_file(),
    "LoadLatent": latent_file,
    "EmptyImage": blank,
}
XL_STARTS = {"DualCLIPLoader": text_encoder_files}
