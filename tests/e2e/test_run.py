"""Pressing Run in the real page: progress, preview, picture on the node and in the feed, errors in place."""

import io
import json
import re
from collections import Counter
from pathlib import Path

import psutil
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.editor import drop
from tests.serving import Server, serving

SEED_WORKFLOW = Path(__file__).parents[1] / "golden" / "seed-workflow-api.json"
RUN_MS = 90_000
"""Limit for a picture of the demo model on a busy machine, in milliseconds."""

GREEN, WHITE = (40, 160, 60), (245, 245, 245)


def type_over(field: Locator, text: str) -> None:
    """Replace a field's text as a person does: click, select all, type."""
    field.click()
    field.press("ControlOrMeta+a")
    field.press_sequentially(text, delay=5)


def result(page: Page) -> Locator:
    """The finished picture on the SaveImage node of the default workflow."""
    return page.get_by_test_id("image-9-0")


def picture_of(page: Page, image: Locator) -> Image.Image:
    """The full picture behind a result, fetched as the page shows it."""
    source = image.evaluate(
        "element => (element.tagName === 'IMG' ? element : element.querySelector('img')).src"
    )
    answer = page.request.get(re.sub(r"&?preview=[^&]*", "", str(source)))
    assert answer.status == 200
    return Image.open(io.BytesIO(answer.body())).convert("RGB")


def nearest(colour: tuple[int, int, int], expected: dict[str, tuple[int, int, int]]) -> str:
    return min(
        expected, key=lambda name: sum((a - b) ** 2 for a, b in zip(colour, expected[name], strict=True))
    )


@pytest.fixture(autouse=True)
def opened(page: Page) -> None:
    expect(page.get_by_test_id("node-3")).to_be_visible(timeout=15_000)


def test_a_typed_text_becomes_a_picture_with_progress_and_preview(page: Page) -> None:
    type_over(page.get_by_test_id("widget-6-text"), "a green star on a white background")
    type_over(page.get_by_test_id("widget-3-seed"), "7")
    type_over(page.get_by_test_id("widget-3-steps"), "60")
    page.keyboard.press("Enter")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("step-3")).to_have_text(re.compile(r"\d+\s*/\s*60"), timeout=RUN_MS)
    preview = page.get_by_test_id("preview-3")
    expect(preview).to_be_visible(timeout=RUN_MS)
    assert not result(page).is_visible(), "the preview came only after the end"
    expect(result(page)).to_be_visible(timeout=RUN_MS)
    picture = picture_of(page, result(page))
    assert picture.size == (128, 128)
    expected = {
        "green": GREEN,
        "white": WHITE,
        "red": (220, 40, 40),
        "blue": (40, 70, 220),
        "black": (15, 15, 15),
    }
    corners = [picture.getpixel(at) for at in ((3, 3), (124, 3), (3, 124), (124, 124))]
    centre = [picture.getpixel((x, y)) for x in range(58, 70) for y in range(58, 70)]
    assert Counter(nearest(each, expected) for each in corners).most_common(1)[0][0] == "white"  # pyright: ignore[reportArgumentType]
    assert Counter(nearest(each, expected) for each in centre).most_common(1)[0][0] == "green"  # pyright: ignore[reportArgumentType]


def test_a_second_run_is_a_new_picture(page: Page) -> None:
    expect(page.get_by_test_id("widget-3-seed")).to_have_value(re.compile(r"\d+"))
    before = page.get_by_test_id("widget-3-seed").input_value()
    page.keyboard.press("ControlOrMeta+Enter")
    expect(result(page)).to_be_visible(timeout=RUN_MS)
    first = picture_of(page, result(page)).tobytes()
    after = page.get_by_test_id("widget-3-seed").input_value()
    assert after != before
    source = result(page).evaluate("e => (e.tagName === 'IMG' ? e : e.querySelector('img')).src")
    page.keyboard.press("ControlOrMeta+Enter")
    page.wait_for_function(
        "([id, old]) => { const e = document.querySelector(`[data-testid='${id}']`);"
        " const i = e && (e.tagName === 'IMG' ? e : e.querySelector('img')); return i && i.src !== old; }",
        arg=["image-9-0", source],
        timeout=RUN_MS,
    )
    assert picture_of(page, result(page)).tobytes() != first


def test_nodes_tell_how_long_they_took_and_what_was_cached(page: Page) -> None:
    seconds = re.compile(r"^\d+(\.\d)? m?s$")
    page.get_by_test_id("widget-3-seed/control").click()
    page.get_by_role("option", name="Fixed").click()
    type_over(page.get_by_test_id("widget-6-text"), "a purple square on a green background")
    page.get_by_test_id("run").click()
    expect(result(page)).to_be_visible(timeout=RUN_MS)
    for node in (3, 6, 8, 9):
        expect(page.get_by_test_id(f"seconds-{node}")).to_have_text(seconds)
    page.reload()
    expect(page.get_by_test_id("seconds-3")).to_have_text(seconds)
    expect(result(page)).to_be_visible()
    type_over(page.get_by_test_id("widget-9-filename_prefix"), "again")
    page.keyboard.press("Escape")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("cached-3")).to_be_visible(timeout=RUN_MS)
    expect(page.get_by_test_id("seconds-3")).to_be_hidden()
    expect(page.get_by_test_id("seconds-9")).to_have_text(seconds)
    page.get_by_test_id("rail-queue").click()
    item = page.locator("[data-testid^='history-item-']").first
    expect(item.get_by_role("button", name="Done")).to_have_text(re.compile(r"Done · \d+(\.\d)? m?s · "))
    item.get_by_role("button", name="Done").press("Enter")
    expect(item.get_by_test_id("node-time-3")).to_contain_text("cached")
    expect(item.get_by_test_id("node-time-9")).to_have_text(re.compile(r"^Save Image.*\d m?s$"))


def test_results_are_in_the_feed_and_the_lightbox(page: Page, downloads: Path) -> None:
    page.get_by_test_id("run").click()
    expect(result(page)).to_be_visible(timeout=RUN_MS)
    page.get_by_test_id("rail-gallery").or_(page.get_by_test_id("rail-assets")).first.click()
    item = page.get_by_test_id("feed-item-0")
    expect(item).to_be_visible(timeout=15_000)
    item.click()
    expect(page.get_by_test_id("lightbox-image")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_test_id("download").click()
    file = downloads / "picture.png"
    waiting.value.save_as(file)
    with Image.open(file) as picture:
        assert picture.size == (128, 128)
        assert {"prompt", "workflow"} <= set(getattr(picture, "text"))  # noqa: B009  only PNG pictures have it
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("lightbox")).to_be_hidden()


def test_a_node_shows_a_light_copy_in_the_original_s_size_and_opens_the_original(page: Page) -> None:
    page.get_by_test_id("run").click()
    expect(result(page)).to_be_visible(timeout=RUN_MS)
    expect(result(page)).to_have_attribute("src", re.compile(r"preview=webp%3B80"))
    expect(result(page)).to_have_js_property("naturalWidth", 128)
    expect(page.get_by_test_id("node-9").locator(".picture-size")).to_have_text(re.compile(r"^128 . 128$"))
    page.get_by_test_id("picture-9-0").click()
    opened = page.get_by_test_id("lightbox-image")
    expect(opened).to_have_js_property("naturalWidth", 128)
    expect(opened).not_to_have_attribute("src", re.compile("preview="))
    expect(opened).to_have_attribute("src", re.compile(r"filename=[^&]*\.png"))


def test_largest_seed_survives_the_way_to_the_server(page: Page, server: Server) -> None:
    type_over(page.get_by_test_id("widget-3-seed"), "18446744073709551615")
    page.keyboard.press("Enter")
    page.get_by_test_id("run").click()
    expect(result(page)).to_be_visible(timeout=RUN_MS)
    newest = next(iter(server.client.get("/history?max_items=1").json().values()))
    assert newest["prompt"][2]["3"]["inputs"]["seed"] == 18446744073709551615
    assert newest["prompt"][3]["extra_pnginfo"]["workflow"]["nodes"]


def test_a_refused_value_is_told_at_its_input(page: Page) -> None:
    prompt = json.loads(SEED_WORKFLOW.read_bytes())
    prompt["4"]["inputs"]["ckpt_name"] = "nowhere.safetensors"
    prompt["5"]["inputs"].update(width=128, height=128)
    drop(page, "refused.json", json.dumps(prompt).encode(), "application/json")
    model = page.get_by_test_id("widget-4-ckpt_name")
    expect(model).to_have_text("nowhere.safetensors", timeout=15_000)
    page.get_by_test_id("run").click()
    told = page.get_by_test_id("error-4-ckpt_name")
    expect(told).to_contain_text("nowhere.safetensors", timeout=15_000)
    expect(model).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-testid^='error-']")).to_have_count(1)
    model.click()
    page.get_by_role("option", name="comfy-creator-demo.safetensors").click()
    expect(told).to_be_hidden()
    expect(model).to_have_attribute("aria-invalid", "false")
    page.get_by_test_id("run").click()
    expect(result(page)).to_be_visible(timeout=RUN_MS)


def test_a_missing_output_and_a_missing_link_are_told(page: Page) -> None:
    page.get_by_test_id("node-9").click(position={"x": 40, "y": 12})
    page.keyboard.press("Delete")
    expect(page.get_by_test_id("node-9")).to_be_hidden()
    page.get_by_test_id("run").click()
    expect(page.get_by_text(re.compile("no output node", re.IGNORECASE)).first).to_be_visible(timeout=15_000)
    page.keyboard.press("ControlOrMeta+z")
    expect(page.get_by_test_id("node-9")).to_be_visible()
    page.get_by_test_id("node-8").click(position={"x": 40, "y": 12})
    page.keyboard.press("Delete")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("error-9-images")).to_be_visible(timeout=15_000)


def test_a_failing_node_shows_its_error_and_the_traceback_is_one_click_away(page: Page) -> None:
    type_over(page.get_by_test_id("widget-9-filename_prefix"), "../outside")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("error-9-node")).to_be_visible(timeout=RUN_MS)
    page.get_by_test_id("traceback-9").click()
    expect(page.get_by_test_id("traceback")).to_be_visible()


def test_a_reload_in_mid_run_shows_the_running_node_and_its_preview(page: Page) -> None:
    type_over(page.get_by_test_id("widget-3-steps"), "400")
    page.keyboard.press("Enter")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("preview-3")).to_be_visible(timeout=RUN_MS)
    page.reload()
    expect(page.get_by_test_id("node-3")).to_have_attribute("data-state", "running", timeout=15_000)
    expect(page.get_by_test_id("preview-3")).to_be_visible(timeout=15_000)
    expect(page.get_by_test_id("widget-3-steps")).to_have_value("400")
    page.get_by_test_id("interrupt").click()
    expect(page.get_by_test_id("node-3")).not_to_have_attribute("data-state", "running", timeout=30_000)


@pytest.mark.parametrize("name", ["img2img", "hires-fix"])
def test_templates_run(page: Page, name: str) -> None:
    page.get_by_test_id("rail-templates").click()
    page.get_by_test_id(f"template-{name}").click()
    expect(page.get_by_test_id("node-11" if name == "img2img" else "node-12")).to_be_visible(timeout=15_000)
    page.get_by_test_id("run").click()
    expect(result(page)).to_be_visible(timeout=RUN_MS)


def test_the_template_of_a_first_visit_is_opened_from_the_panel_and_runs(page: Page) -> None:
    page.get_by_test_id("rail-templates").click()
    page.get_by_test_id("template-img2img").click()
    expect(page.get_by_test_id("node-11")).to_be_visible(timeout=15_000)
    page.get_by_test_id("template-txt2img").click()
    expect(page.get_by_test_id("node-11")).to_be_hidden(timeout=15_000)
    expect(page.get_by_test_id("node-count")).to_have_text("7 nodes")
    page.get_by_test_id("run").click()
    expect(result(page)).to_be_visible(timeout=RUN_MS)


def test_run_may_be_pressed_while_the_executor_starts(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "base") as own:
        own.wait(lambda: bool(psutil.Process(own.pid).children()), 60, "there is no executor")
        (executor,) = psutil.Process(own.pid).children()
        executor.suspend()  # it stays in its start until the page was seen
        try:
            assert own.executor_state() == "starting"
            page = browser.new_page()
            page.goto(own.url)
            expect(page.get_by_test_id("node-3")).to_be_visible(timeout=15_000)
            state = page.get_by_test_id("executor")
            expect(state).to_have_attribute("data-state", "starting", timeout=15_000)
            expect(state).to_have_text("Executor starting")
            page.get_by_test_id("run").click()
            expect(page.get_by_test_id("queue-count")).to_have_text("1", timeout=15_000)
            expect(state).to_have_attribute("data-state", "starting")
        finally:
            executor.resume()
        expect(result(page)).to_be_visible(timeout=RUN_MS)
        expect(state).to_have_attribute("data-state", "ready", timeout=15_000)
        page.context.close()


def test_lost_connection_is_shown_and_mended(browser: Browser, tmp_path: Path) -> None:
    with serving(tmp_path / "base") as own:
        page = browser.new_page()
        page.goto(own.url)
        expect(page.get_by_test_id("node-3")).to_be_visible(timeout=15_000)
        own.kill()
        expect(page.get_by_test_id("connection-lost")).to_be_visible(timeout=15_000)
        own.start()
        expect(page.get_by_test_id("connection-lost")).to_be_hidden(timeout=30_000)
        page.context.close()
