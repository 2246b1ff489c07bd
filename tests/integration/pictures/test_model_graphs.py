"""Nodes of models, conditioning and latents POSTed to a real server in prompts, and their pictures."""

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from app.inference.latents.file import read_latent
from app.inference.pictures.images import to_uint8
from tests.diffusers_folders import save_diffusers_folder
from tests.golden_models import GoldenModels
from tests.integration.pictures.model_graphs import CONFIG, CONFIG_TEXT, FOLDER, GRAPHS, NEEDS
from tests.prompt_graph import PromptGraph
from tests.recorded_pipelines import run_prompt
from tests.serving import Server, serving

IN_LISTS = "latent_lists"  # runs nodes several times, which the runner here does not
SHOWN_TWICE = {"xl": {0, 2}, "older_loaders": {0, 2}}  # pictures of a graph that are the same on purpose
LATENTS = {
    "sampled": (1, 4, 8, 12),
    "sd3": (1, 16, 4, 8),
    "cascade_c": (1, 16, 6, 6),
    "cascade_b": (1, 4, 64, 64),
    "radiance": (1, 3, 32, 48),
}
LIMIT_S = 300


@dataclass(frozen=True, kw_only=True)
class Run:
    """A graph that a server has run."""

    graph: PromptGraph
    record: dict[str, Any]
    pictures: list[np.ndarray]
    """What was shown, each a batch [B, H, W, 3] of bytes."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> GoldenModels:
    return GoldenModels(tmp_path_factory.mktemp("model graphs"))


@pytest.fixture(scope="module")
def server(models: GoldenModels) -> Iterator[Server]:
    for make in GRAPHS.values():
        models.prepare(make().prompt)
    save_diffusers_folder("sd1", models.base / "models/diffusers" / FOLDER)
    (models.base / "models/configs").mkdir()
    (models.base / "models/configs" / CONFIG).write_text(CONFIG_TEXT)
    with serving(models.base, "--allow-pickle") as running:
        running.wait_ready()
        yield running


class Runs(dict[str, Run]):
    """Every graph, run when it is first asked for, after those whose files it reads."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def __missing__(self, name: str) -> Run:
        for before in NEEDS.get(name, ()):
            assert self[before]
        self[name] = posted(self._server, GRAPHS[name]())
        return self[name]


@pytest.fixture(scope="module")
def runs(server: Server) -> Runs:
    return Runs(server)


def posted(server: Server, graph: PromptGraph) -> Run:
    for saved in (server.base / "output/latents").glob("*.latent"):
        shutil.copy(saved, server.base / "input")
    answer = server.client.post("/prompt", json={"prompt": graph.prompt}).json()
    assert answer["node_errors"] == {}
    record = server.wait_ended(answer["prompt_id"], LIMIT_S)
    assert record["status"]["status_str"] == "success", record["status"]["messages"]
    shown = [record["outputs"][node]["images"] for node in graph.shown]
    pictures = [np.stack([fetched(server, each) for each in images]) for images in shown]
    return Run(graph=graph, record=record, pictures=pictures)


def fetched(server: Server, picture: dict[str, str]) -> np.ndarray:
    answer = server.client.get("/view", params=picture)
    assert answer.status_code == 200, (picture, answer.text)
    assert answer.headers["content-type"] == "image/png", (picture, answer.headers, len(answer.content))
    with Pillow.open(io.BytesIO(answer.content)) as opened:
        return np.asarray(opened)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_picture_of_a_posted_prompt_is_its_own(runs: Runs, name: str) -> None:
    pictures = [each.astype(float) for each in runs[name].pictures]

    for index, picture in enumerate(pictures):
        assert picture.std() > 5
        for before in range(index):
            if {before, index} != SHOWN_TWICE.get(name) and picture.shape == pictures[before].shape:
                assert np.abs(picture - pictures[before]).max() > 1, (before, index)


@pytest.mark.parametrize("name", [name for name in GRAPHS if name != IN_LISTS])
def test_every_picture_of_a_posted_prompt_is_the_one_computed_here(
    models: GoldenModels, runs: Runs, name: str
) -> None:
    run = runs[name]
    places = [f"{node}:{slot}" for node, slot in run.graph.shown.values()]

    here = run_prompt(models.context(), run.graph.prompt, places)

    for place, picture in zip(places, run.pictures, strict=True):
        expected = np.stack([to_uint8(each).numpy() for each in here[place]])
        assert np.abs(picture.astype(int) - expected.astype(int)).max() <= 1, run.graph.prompt[place[:-2]]


def test_lists_of_latents_go_on_one_by_one(runs: Runs) -> None:
    (pictures,) = runs[IN_LISTS].pictures

    assert len(pictures) == 3


def test_saved_latents_have_the_shapes_of_their_families(server: Server, runs: Runs) -> None:
    assert runs["latents"].record["outputs"]

    for name, shape in LATENTS.items():
        saved = read_latent(server.base / f"output/latents/{name}_00001_.latent")
        assert tuple(saved.shape) == shape
        assert (saved != 0).any() == (name == "sampled")


def test_merges_that_were_saved_make_the_same_picture(runs: Runs) -> None:
    assert np.array_equal(runs["merges"].pictures[-1], runs["merges_from_files"].pictures[0])


def test_a_folder_of_diffusers_makes_the_picture_of_the_single_file(runs: Runs) -> None:
    first, _, from_folder = runs["older_loaders"].pictures

    assert np.array_equal(first, from_folder)


def test_text_encoders_that_were_saved_make_the_same_picture(runs: Runs) -> None:
    first, _, from_files = runs["xl"].pictures

    difference = np.abs(first.astype(int) - from_files.astype(int))
    assert (
        difference.max() <= 1
    )  # the files hold a projection turned around, which is summed in another order
