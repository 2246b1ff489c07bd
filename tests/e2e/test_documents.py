"""Workflows as documents: saved and opened on the server, dropped as files, restored after a reload."""

import io
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Error, Page, expect

from tests.e2e.editor import drop
from tests.serving import Server

SEED_WORKFLOW = Path(__file__).parents[1] / "golden" / "seed-workflow-api.json"
RUN_MS = 90_000


LARGEST = 2**64 - 1
"""The largest seed: a number that a browser's own numbers cannot hold."""


def txt2img() -> dict[str, Any]:
    """The workflow that a first visit starts with, as a file."""
    return json.loads((Path(__file__).parents[2] / "static" / "templates" / "txt2img.json").read_text())


def saved_as(page: Page, server: Server, name: str) -> str:
    """Save what is open under a name; the text that the server has then."""
    page.keyboard.press("ControlOrMeta+Shift+s")
    field = page.get_by_role("dialog").get_by_role("textbox")
    field.fill(name)
    field.press("Enter")
    expect(page.get_by_test_id("unsaved")).to_be_hidden(timeout=15_000)
    return server.client.get(f"/api/userdata/workflows%2F{name}.json").text


@pytest.fixture(autouse=True)
def opened(page: Page) -> None:
    expect(page.get_by_test_id("node-3")).to_be_visible(timeout=15_000)


def test_saved_and_opened_on_the_server(page: Page, server: Server) -> None:
    page.get_by_test_id("widget-6-text").fill("a white star on a red background")
    expect(page.get_by_test_id("unsaved")).to_be_visible()
    page.get_by_test_id("canvas").click(position={"x": 20, "y": 500})
    page.keyboard.press("ControlOrMeta+s")
    field = page.get_by_role("dialog").get_by_role("textbox")
    field.fill("my star")
    field.press("Enter")
    expect(page.get_by_test_id("unsaved")).to_be_hidden(timeout=15_000)
    stored: dict[str, Any] = server.client.get("/api/userdata/workflows%2Fmy star.json").json()
    assert stored["version"] == 0.4
    assert len(stored["nodes"]) == 7
    page.get_by_test_id("rail-templates").click()
    page.get_by_test_id("template-img2img").click()
    expect(page.get_by_test_id("node-11")).to_be_visible(timeout=15_000)
    page.get_by_test_id("rail-workflows").click()
    page.get_by_test_id("workflow-my star").get_by_role("button").first.click()
    expect(page.get_by_test_id("widget-6-text")).to_have_value(
        "a white star on a red background", timeout=15_000
    )


@pytest.mark.parametrize("place", ["panel", "empty canvas"])
def test_templates_show_what_they_make(page: Page, place: str) -> None:
    if place == "panel":
        page.get_by_test_id("rail-templates").click()
    else:
        page.keyboard.press("Alt+n")
    for name in ("txt2img", "img2img", "hires-fix"):
        picture = page.get_by_test_id(f"template-{name}").locator("img")
        expect(picture).to_have_js_property("naturalWidth", 320, timeout=15_000)


def test_our_own_picture_brings_its_graph_back(page: Page, server: Server) -> None:
    page.get_by_test_id("widget-6-text").fill("an orange square on a black background")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("image-9-0")).to_be_visible(timeout=RUN_MS)
    newest = max((server.base / "output").glob("*.png"), key=lambda file: file.stat().st_mtime)
    page.get_by_test_id("widget-6-text").fill("something else")
    drop(page, newest.name, newest.read_bytes(), "image/png")
    expect(page.get_by_test_id("widget-6-text")).to_have_value(
        "an orange square on a black background", timeout=15_000
    )


def test_a_downloaded_prompt_is_what_run_sends(page: Page, server: Server, downloads: Path) -> None:
    page.get_by_test_id("widget-3-seed").fill("18446744073709551615")
    page.keyboard.press("Enter")
    page.get_by_test_id("canvas").click(button="right", position={"x": 20, "y": 500})
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Download as API prompt").click()
    assert waiting.value.suggested_filename.endswith(".api.json")
    file = downloads / "prompt.json"
    waiting.value.save_as(file)
    with page.expect_response(
        lambda answer: answer.request.method == "POST" and "/prompt" in answer.url
    ) as sent:
        page.get_by_test_id("run").click()
    record = server.wait_ended(sent.value.json()["prompt_id"])
    prompt = json.loads(file.read_bytes())
    assert prompt["3"]["inputs"]["seed"] == 18446744073709551615
    assert prompt == record["prompt"][2]


def test_api_form_is_laid_out_by_a_worker(page: Page) -> None:
    with page.expect_event("worker") as started:
        drop(page, "seed.json", SEED_WORKFLOW.read_bytes(), "application/json")
    assert "layout-worker" in started.value.url
    expect(page.get_by_test_id("widget-7-text")).to_have_value("text, watermark", timeout=15_000)
    boxes = [page.get_by_test_id(f"node-{each}").bounding_box() for each in (4, 6, 3, 8, 9)]
    lefts = [box["x"] for box in boxes if box is not None]
    assert len(lefts) == 5, "all nodes of a small graph are in view after a drop"
    assert lefts == sorted(lefts), "sources stand left of what they feed"
    tops = {round(box["y"]) for box in boxes if box is not None}
    assert len(tops) > 1, "every column starts at the top: these are the plain layers for want of a worker"


UNKNOWN: dict[str, Any] = {
    "id": 77,
    "type": "NobodyKnowsThis",
    "pos": [400, 700],
    "size": [240, 90],
    "flags": {},
    "order": 7,
    "mode": 0,
    "inputs": [],
    "outputs": [],
    "properties": {"cnr_id": "far-away"},
    "widgets_values": [3, "x", {"deep": [1, None]}],
}


def test_unknown_class_is_kept_and_run_asks_whether_to_leave_it_out(page: Page, server: Server) -> None:
    document = txt2img()
    document["nodes"].append(UNKNOWN)
    document["last_node_id"] = 77
    drop(page, "unknown.json", json.dumps(document).encode(), "application/json")
    expect(page.get_by_test_id("unknown-77")).to_be_visible(timeout=15_000)
    page.get_by_test_id("run").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("A node is unknown to the server")
    expect(question).to_contain_text("The server has no node class NobodyKnowsThis.")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    assert server.client.get("/queue").json() == {"queue_running": [], "queue_pending": []}
    stored = json.loads(saved_as(page, server, "with unknown"))
    (kept,) = (node for node in stored["nodes"] if node["id"] == 77)
    assert kept == UNKNOWN | {"order": kept["order"]}, "only its place in the order of work is counted anew"
    page.get_by_test_id("run").click()
    question.get_by_role("button", name="Run without them").click()
    expect(page.get_by_test_id("image-9-0")).to_be_visible(timeout=RUN_MS)
    newest = next(iter(server.client.get("/history?max_items=1").json().values()))
    assert "77" not in newest["prompt"][2]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"dear": "editor"', r"This is not JSON: .+ at character \d+\."),
        (
            b'{"dear": "editor"}',
            r"This file is JSON, but no workflow: it has neither a list of nodes nor API nodes\.",
        ),
    ],
)
def test_a_file_that_is_no_workflow_is_refused_with_a_sentence(
    page: Page, content: bytes, sentence: str
) -> None:
    drop(page, "letter.json", content, "application/json")
    told = page.locator("[data-sonner-toast]").filter(has_text="letter.json")
    expect(told).to_contain_text(re.compile(sentence), timeout=15_000)
    expect(page.get_by_test_id("node-3")).to_be_visible()


def test_the_largest_seed_survives_a_dropped_file_saving_and_opening(page: Page, server: Server) -> None:
    document = txt2img()
    (sampler,) = (node for node in document["nodes"] if node["id"] == 3)
    sampler["widgets_values"][:2] = [LARGEST, "fixed"]
    drop(page, "seed.json", json.dumps(document).encode(), "application/json")
    seed = page.get_by_test_id("widget-3-seed")
    expect(seed).to_have_value(str(LARGEST), timeout=15_000)
    stored = json.loads(saved_as(page, server, "largest seed"))
    (sampler,) = (node for node in stored["nodes"] if node["id"] == 3)
    assert sampler["widgets_values"][0] == LARGEST
    page.keyboard.press("Alt+w")
    expect(seed).to_be_hidden()
    page.get_by_test_id("rail-workflows").click()
    page.get_by_test_id("workflow-largest seed").get_by_role("button").first.click()
    expect(seed).to_have_value(str(LARGEST), timeout=15_000)


def test_draft_is_restored_after_a_reload(page: Page) -> None:
    page.get_by_test_id("widget-6-text").fill("a draft that nobody saved")
    expect(page.get_by_test_id("unsaved")).to_be_visible()
    page.wait_for_timeout(1500)  # a crash may cost the last second, not more
    page.reload()
    expect(page.get_by_test_id("widget-6-text")).to_have_value("a draft that nobody saved", timeout=15_000)
    expect(page.get_by_test_id("unsaved")).to_be_visible()


def test_draft_is_restored_after_the_page_crashed(page: Page, server: Server) -> None:
    page.get_by_test_id("widget-6-text").fill("a draft that outlives its page")
    expect(page.get_by_test_id("unsaved")).to_be_visible()
    page.wait_for_timeout(1500)  # a crash may cost the last second, not more
    with page.expect_event("crash"), suppress(Error):
        page.goto("chrome://crash")
    again = page.context.new_page()
    again.goto(server.url)
    text = again.get_by_test_id("widget-6-text")
    expect(text).to_have_value("a draft that outlives its page", timeout=15_000)
    expect(again.get_by_test_id("unsaved")).to_be_visible()


def test_uploaded_picture_is_shown_on_its_node(page: Page) -> None:
    page.get_by_test_id("rail-templates").click()
    page.get_by_test_id("template-img2img").click()
    expect(page.get_by_test_id("node-10")).to_be_visible(timeout=15_000)
    picture = io.BytesIO()
    Image.new("RGB", (96, 64), (245, 135, 25)).save(picture, "PNG")
    page.locator("[data-testid='node-10'] input[type=file]").set_input_files(
        {"name": "orange.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    )
    expect(page.get_by_test_id("widget-10-image")).to_contain_text("orange.png", timeout=15_000)
    expect(page.get_by_test_id("image-10-0")).to_have_js_property("naturalWidth", 96, timeout=15_000)
    expect(page.get_by_test_id("image-10-0")).to_have_js_property("naturalHeight", 64)
