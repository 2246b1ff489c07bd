"""Loading, memory, LoRA switching and steps of full-size models, beside diffusers' own pipeline.

The weights are random. Each model is measured in a process of its own. `--models sd1` measures one only;
`--size 256` takes smaller pictures for the steps.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
import torch

from benchmarks.tools.figures import show
from benchmarks.tools.random_models import write_random, write_random_lora

MODELS = {  # key list and dtype of the file
    "sd1": ("sd1", torch.float32),
    "sd1 fp16": ("sd1", torch.float16),
    "sdxl fp16": ("sdxl_base", torch.float16),
}
LOAD_TARGET_S, SWITCH_TARGET_S, STEP_TARGET = 1.0, 0.3, 1.03
PAIRS, STEPS = 5, 2
LORA_RANK = 32
PROMPT = "a castle on a hill"


def main() -> None:
    """Write each file, measure it in a child process, delete it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--size", type=int, default=512, help="side of the pictures in pixels")
    parser.add_argument("--child", nargs=2, metavar=("FILE", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(Path(options.child[0]), options.child[1], options.size)))
        return
    for name in options.models:
        with tempfile.TemporaryDirectory(prefix="comfy-creator-bench-") as folder:
            key_list, dtype = MODELS[name]
            path = write_random(key_list, Path(folder) / "model.safetensors", dtype)
            needed = path.stat().st_size * (2 if dtype == torch.float16 else 1)
            if psutil.virtual_memory().available < 1.2 * needed:
                print(f"{name}: left out, {needed / 1e9:.1f} GB of memory are not free")
                continue
            report(name, path, options.size)


def report(name: str, path: Path, size: int) -> None:
    """Measure one file in a process of its own and print its figures."""
    command = [sys.executable, "-m", "benchmarks.full_size", "--size", str(size), "--child", str(path), name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603  this very file
    figures = json.loads(done.stdout.splitlines()[-1])
    show(f"{name}, load", figures["load_s"], "s", at_most=LOAD_TARGET_S)
    show(f"{name}, memory of its own after loading", figures["own_gb"], "GB")
    show(f"{name}, peak memory after loading", figures["peak_load_gb"], "GB")
    show(f"{name}, peak memory after the first step", figures["peak_step_gb"], "GB")
    if "switch_s" in figures:
        show(f"{name}, first LoRA", figures["first_lora_s"], "s")
        aim = SWITCH_TARGET_S if MODELS[name][0] == "sd1" else None
        show(f"{name}, switch to another LoRA", figures["switch_s"], "s", at_most=aim)
        show(f"{name}, switch back", figures["back_s"], "s", at_most=aim)
    if "ours_s" in figures:
        show(f"{name}, seconds per step at {size} px", figures["ours_s"], "s")
        show(f"{name}, the same by diffusers' pipeline", figures["theirs_s"], "s")
        ratio = figures["ours_s"] / figures["theirs_s"]
        show(f"{name}, ratio of the medians", ratio, "x", at_most=STEP_TARGET)


@torch.inference_mode()
def measure(path: Path, name: str, size: int) -> dict[str, float]:
    """All figures of one file; the libraries are imported before the clock runs."""
    from app.inference.memory.devices import CPU
    from app.inference.models.checkpoint import import_networks, load_checkpoint

    import_networks()
    before = psutil.Process().memory_full_info().uss
    start = perf_counter()
    checkpoint = load_checkpoint(path, CPU)
    figures = {"load_s": perf_counter() - start}
    figures["own_gb"] = (psutil.Process().memory_full_info().uss - before) / 1e9
    figures["peak_load_gb"] = _peak_gb()
    encoder: Any = checkpoint.text_encoder
    text = encoder.encode(PROMPT)
    _ours(checkpoint.diffusion_model, text, size, steps=1)
    figures["peak_step_gb"] = _peak_gb()
    key_list, dtype = MODELS[name]
    if (key_list, dtype) != ("sd1", torch.float16):  # steps are the same as in the fp32 file
        pipeline = _sdxl_pipeline if key_list == "sdxl_base" else _sd1_pipeline
        figures |= _steps(checkpoint.diffusion_model, pipeline(checkpoint, text), text, size)
        figures |= _lora_switches(checkpoint.diffusion_model, path.parent, key_list)
    return figures


def _ours(model: Any, text: Any, size: int, steps: int) -> float:
    """Seconds per step of the product's own sampling with cfg 7."""
    from app.inference.ksample import SamplingPlan, ksample

    plan = SamplingPlan(sampler="euler", scheduler="normal", steps=steps)
    latent = torch.zeros(1, 4, size // 8, size // 8)
    start = perf_counter()
    ksample(model, latent, text, text, plan, cfg=7.0, seed=1)
    return (perf_counter() - start) / steps


def _lora_switches(model: Any, folder: Path, key_list: str) -> dict[str, float]:
    """Seconds to bring the weights into the state of one LoRA, of another, and of the first again."""
    from app.inference.patches.apply_lora import with_model_lora
    from app.inference.patches.lora_file import open_lora

    paths = [write_random_lora(folder / f"{seed}.safetensors", key_list, LORA_RANK, seed) for seed in (1, 2)]
    seconds: list[float] = []
    for path in (*paths, paths[0]):
        start = perf_counter()
        changed = with_model_lora(model, open_lora(path), strength=0.8)
        with changed.at_work():
            seconds.append(perf_counter() - start)
    with model.at_work():
        return dict(zip(("first_lora_s", "switch_s", "back_s"), seconds, strict=True))


def _sd1_pipeline(checkpoint: Any, text: Any) -> tuple[Any, dict[str, Any]]:
    """diffusers' pipeline on the very same weights, and what it is given besides sizes."""
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline

    make: Any = StableDiffusionPipeline  # its declared types are narrower than what it takes
    pipeline = make(
        vae=checkpoint.vae.codec.network,
        text_encoder=checkpoint.text_encoder.towers[0].network.weights.network.text_model,
        tokenizer=None,  # states are given
        unet=checkpoint.diffusion_model.network.network,
        scheduler=_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return pipeline, {"prompt_embeds": text[0].tokens, "negative_prompt_embeds": text[0].tokens}


def _sdxl_pipeline(checkpoint: Any, text: Any) -> tuple[Any, dict[str, Any]]:
    """The same for SDXL."""
    from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline

    make: Any = StableDiffusionXLPipeline
    pipeline = make(
        vae=checkpoint.vae.codec.network,
        text_encoder=None,
        text_encoder_2=None,
        tokenizer=None,
        tokenizer_2=None,
        unet=checkpoint.diffusion_model.network.network,
        scheduler=_scheduler(),
        add_watermarker=False,
    )
    states, pooled = text[0].tokens, text[0].pooled
    given = {"prompt_embeds": states, "negative_prompt_embeds": states}
    return pipeline, given | {"pooled_prompt_embeds": pooled, "negative_pooled_prompt_embeds": pooled}


def _scheduler() -> Any:
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler

    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return EulerDiscreteScheduler(**betas, steps_offset=1)


def _steps(
    model: Any, pipeline_with_inputs: tuple[Any, dict[str, Any]], text: Any, size: int
) -> dict[str, float]:
    """Alternating runs of both on the very same weights; medians of seconds per step."""
    pipeline, given = pipeline_with_inputs
    pipeline.set_progress_bar_config(disable=True)
    sizes = {"height": size, "width": size, "output_type": "latent"}

    def theirs() -> float:
        start = perf_counter()
        pipeline(**given, **sizes, num_inference_steps=STEPS, guidance_scale=7.0)
        return (perf_counter() - start) / STEPS

    theirs()
    pairs = [(_ours(model, text, size, STEPS), theirs()) for _ in range(PAIRS)]
    ours_s, theirs_s = (statistics.median(values) for values in zip(*pairs, strict=True))
    return {"ours_s": ours_s, "theirs_s": theirs_s}


def _peak_gb() -> float:
    """Highest resident memory of this process so far, mapped files included; on Linux not its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9  # bytes on macOS


if __name__ == "__main__":
    main()
