"""Every sampling node in one prompt POSTed to a real server; the pictures are those computed here too."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from app.inference.pictures.images import to_uint8
from app.nodes import custom_sampling, guiders, model_sampling, samplers, sampling, schedulers, sigmas
from tests.integration.pictures.conftest import CHECKPOINT
from tests.prompt_graph import Link, PromptGraph
from tests.recorded_pipelines import run_prompt
from tests.serving import Server
from tests.unit.nodes.recording_context import RecordingContext

MODULES = (custom_sampling, guiders, model_sampling, samplers, sampling, schedulers, sigmas)
CLASSES = {node.schema.class_type for module in MODULES for node in module.NODES}
REFUSED = "GITSScheduler"
LIMIT_S = 240


@pytest.fixture(scope="module")
def graph() -> PromptGraph:
    """A graph with every class of these nodes that runs."""
    made = PromptGraph()
    add = made.add
    model = add("CheckpointLoaderSimple", ckpt_name=CHECKPOINT)
    clip, vae = [model[0], 1], [model[0], 2]
    texts = [add("CLIPTextEncode", clip=clip, text=text) for text in ("a red circle", "blurry", "on a table")]
    positive, negative, further = texts
    sides = {"positive": positive, "negative": negative}
    latent = add("EmptyLatentImage", width=32, height=32)
    noise, none = add("RandomNoise", noise_seed=3), add("DisableNoise")
    euler = add("KSamplerSelect", sampler_name="euler")
    cfg_guider = add("CFGGuider", model=model, **sides, cfg=3.0)
    short = add("BasicScheduler", model=model, steps=3)

    def walk(**parts: Link) -> Link:
        chosen = {"noise": noise, "guider": cfg_guider, "sampler": euler, "sigmas": short, **parts}
        sampled = add("SamplerCustomAdvanced", **{"latent_image": latent, **chosen})
        made.show(sampled, vae)
        return sampled

    for node in guiders.NODES:
        inputs = {"model": model, "conditioning": positive, "cond1": positive, "cond2": further, **sides}
        known = {each.name for each in node.schema.inputs}
        walk(guider=add(node.schema.class_type, **{key: inputs[key] for key in inputs.keys() & known}))
    for node in samplers.NODES:
        given = {"model": model} if node.schema.input("model") else {}
        walk(sampler=add(node.schema.class_type, **given))
    for node in schedulers.NODES:
        if node.schema.class_type != REFUSED:
            given = {"model": model} if node.schema.input("model") else {}
            walk(sigmas=add(node.schema.class_type, **given, steps=3))
    for node in model_sampling.NODES:
        changed = add(node.schema.class_type, model=model)
        made.show(add("KSampler", model=changed, **sides, latent_image=latent, steps=2, seed=3), vae)
    _add_levels(made, walk, model, short, none)
    noisy = add("AddNoise", model=model, noise=noise, sigmas=short, latent_image=latent)
    custom = add("SamplerCustom", model=model, **sides, sampler=euler, sigmas=short, latent_image=noisy)
    made.show([custom[0], 1], vae)
    advanced = add("KSamplerAdvanced", model=model, **sides, latent_image=latent, steps=4, end_at_step=2)
    made.show(advanced, vae)
    return made


def _add_levels(graph: PromptGraph, walk: Any, model: Link, levels: Link, none: Link) -> None:
    """Lists cut in two, refined, turned around, begun otherwise, and a level looked up."""
    add = graph.add
    split = add("SplitSigmas", sigmas=levels, step=1)
    walk(sigmas=[split[0], 1], noise=none, latent_image=walk(sigmas=split))
    walk(sigmas=add("SplitSigmasDenoise", sigmas=levels, denoise=0.5))
    walk(sigmas=add("ExtendIntermediateSigmas", sigmas=levels))
    walk(sigmas=add("FlipSigmas", sigmas=levels))
    level = add("SamplingPercentToSigma", model=model, sampling_percent=0.3)
    walk(sigmas=add("SetFirstSigma", sigmas=levels, sigma=level))


@pytest.fixture(scope="module")
def record(server: Server, graph: PromptGraph) -> dict[str, Any]:
    return server.wait_ended(server.submit(graph.prompt), LIMIT_S)


def test_the_graph_has_every_class_that_runs(graph: PromptGraph) -> None:
    assert {REFUSED} == CLASSES - {node["class_type"] for node in graph.prompt.values()}


def test_the_prompt_ends_well(record: dict[str, Any]) -> None:
    assert record["status"]["status_str"] == "success", record["status"]["messages"]


def test_every_picture_is_the_one_computed_here(
    server: Server, graph: PromptGraph, record: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    context = RecordingContext(tmp_path_factory.mktemp("here"))
    target = context.folders.base / "models/checkpoints" / CHECKPOINT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.hardlink_to(server.base / "models/checkpoints" / CHECKPOINT)
    places = [f"{node}:{slot}" for node, slot in graph.shown.values()]

    here = run_prompt(context, graph.prompt, places)

    for shown, place in zip(graph.shown, places, strict=True):
        (picture,) = record["outputs"][shown]["images"]
        answer = server.client.get("/view", params=picture)
        with Pillow.open(io.BytesIO(answer.content)) as opened:
            pixels = np.asarray(opened).astype(int)
        assert np.abs(pixels - to_uint8(here[place][0]).numpy().astype(int)).max() <= 1, graph.prompt[shown]


def test_levels_that_are_not_there_are_refused_with_a_sentence(server: Server, graph: PromptGraph) -> None:
    prompt = {**graph.prompt}
    scheduler = {"class_type": REFUSED, "inputs": {"coeff": 1.2, "steps": 4, "denoise": 1.0}}
    walk = next(key for key, node in prompt.items() if node["class_type"] == "SamplerCustomAdvanced")
    prompt["gits"] = scheduler
    prompt[walk] = {**prompt[walk], "inputs": {**prompt[walk]["inputs"], "sigmas": ["gits", 0]}}

    ended = server.wait_ended(server.submit(prompt), LIMIT_S)

    ((_, error),) = [each for each in ended["status"]["messages"] if each[0] == "execution_error"]
    assert error["node_type"] == REFUSED
    assert "AlignYourStepsScheduler" in error["exception_message"]
