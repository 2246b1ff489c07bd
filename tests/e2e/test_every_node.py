"""Every node class of the server on the canvas: all can be read; and the controls that few classes have."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editor import Editor, drop, id_of
from tests.integration.nodes.recorded_nodes.cases import GOLDEN
from tests.serving import Server

RECORDED = json.loads((GOLDEN / "core-nodes.json").read_text(encoding="utf-8"))["nodes"]
PER_PAGE, COLUMNS = 27, 9
CELL = (450, 960)
"""Room for the widest and the highest node, in the graph's pixels."""

MEASURE = """
() => [...document.querySelectorAll("[data-class]")].flatMap((node) => {
  const parts = [...node.querySelectorAll(".slot-label, .row, .node-media, .node-title")].map((part) => {
    const range = document.createRange();
    range.selectNodeContents(part);
    const label = part.classList.contains("slot-label");
    const { left, right, top, bottom } = (label ? range : part).getBoundingClientRect();
    const inset = label ? 1 : 0;
    return { name: part.textContent.slice(0, 40), left, right, top: top + inset, bottom: bottom - inset };
  });
  const outer = node.getBoundingClientRect();
  const outside = parts.filter((part) =>
    part.left < outer.left - 1 || part.right > outer.right + 1 || part.bottom > outer.bottom + 1);
  const over = parts.flatMap((a, at) => parts.slice(at + 1).filter((b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.5).map((b) => `${a.name} | ${b.name}`));
  const cut = [...node.querySelectorAll(".slot-label, .row-label, .node-name, .linked-note")]
    .filter((label) => label.scrollWidth > label.clientWidth + 1);
  return [
    ...outside.map((part) => `${node.dataset.class}: outside: ${part.name}`),
    ...over.map((names) => `${node.dataset.class}: on each other: ${names}`),
    ...cut.map((label) => `${node.dataset.class}: cut off: ${label.textContent}`),
  ];
})
"""


@pytest.fixture
def editor(page: Page) -> Editor:
    opened = Editor(page)
    opened.wait_open()
    return opened


def sheet(classes: Sequence[str]) -> dict[str, Any]:
    """A workflow file with one node of each class, far enough from each other."""
    nodes = [
        {
            "id": at + 1,
            "type": name,
            "pos": [at % COLUMNS * CELL[0], at // COLUMNS * CELL[1]],
            "mode": 0,
            "inputs": [],
            "outputs": [],
        }
        for at, name in enumerate(classes)
    ]
    view = {"scale": 0.45, "offset": [140, 60]}
    return {"version": 0.4, "nodes": nodes, "links": [], "groups": [], "extra": {"ds": view}}


def test_all_of_every_class_can_be_read(page: Page, server: Server) -> None:
    editor = Editor(page)
    editor.wait_drawn()
    page.set_viewport_size({"width": 2000, "height": 1460})
    served = sorted(server.client.get("/object_info").raise_for_status().json())
    assert len({each["class_type"] for each in RECORDED} & set(served)) == 232
    for number, first in enumerate(range(0, len(served), PER_PAGE)):
        classes = served[first : first + PER_PAGE]
        drop(page, f"sheet {number}.json", json.dumps(sheet(classes)).encode(), "application/json")
        expect(page.get_by_test_id("workflow-name")).to_have_text(f"sheet {number}")
        for name in classes:
            expect(editor.nodes_of(name)).to_have_count(1)
        expect(page.locator("[data-class][data-unknown]")).to_have_count(0)
        assert page.evaluate(MEASURE) == []


class TestStanding:
    def test_the_library_is_a_tree_of_categories(self, editor: Editor) -> None:
        page = editor.page
        page.get_by_test_id("rail-nodes").click()
        for path in ("sampling", "sampling/custom_sampling", "sampling/custom_sampling/schedulers"):
            folder = page.get_by_test_id(f"category-{path}")
            expect(folder).to_have_attribute("aria-expanded", "false")
            folder.click()
        page.get_by_test_id("library-KarrasScheduler").click()
        expect(editor.nodes_of("KarrasScheduler")).to_be_visible()
        page.get_by_test_id("category-sampling/custom_sampling").click()
        expect(page.get_by_test_id("library-KarrasScheduler")).to_be_hidden()

    def test_deprecated_classes_are_found_by_name_alone(self, editor: Editor) -> None:
        page = editor.page
        page.mouse.dblclick(*editor.empty)
        found = page.get_by_test_id("search-item-PerpNeg")
        for text, count in (("", 0), ("_for_testing", 0), ("perp", 1)):
            editor.search.fill(text)
            expect(page.get_by_role("option").first).to_be_visible()
            expect(found).to_have_count(count)
        expect(page.get_by_role("option").first).to_have_attribute("data-testid", "search-item-PerpNegGuider")
        expect(found).to_contain_text("deprecated")
        found.click()
        expect(editor.nodes_of("PerpNeg").get_by_label("deprecated")).to_be_visible()

    def test_a_class_that_may_change_and_cannot_run_yet_says_so(self, editor: Editor) -> None:
        page = editor.page
        page.mouse.dblclick(*editor.empty)
        editor.search.fill("PhotoMakerLoader")
        item = page.get_by_test_id("search-item-PhotoMakerLoader")
        expect(item.locator(".standing")).to_have_text(["not supported yet", "experimental"])
        item.click()
        node = editor.nodes_of("PhotoMakerLoader")
        expect(node.get_by_label("experimental")).to_be_visible()
        expect(node.get_by_title("It belongs to PhotoMaker, which cannot run here yet.")).to_be_visible()


def test_a_colour_is_picked_and_taken_back(editor: Editor) -> None:
    node = editor.add("EmptyImage", "EmptyImage")
    swatch, number = editor.widget(node, "color-swatch"), editor.widget(node, "color")
    expect(number).to_have_value("0")
    swatch.fill("#ff8000")
    expect(number).to_have_value(str(0xFF8000))
    editor.focus_canvas()
    editor.press("ControlOrMeta+z")
    expect(number).to_have_value("0")
    expect(swatch).to_have_value("#000000")
    editor.type_over(number, "255")
    editor.press("Enter")
    expect(swatch).to_have_value("#0000ff")


def test_an_option_that_is_declared_twice_is_offered_once(editor: Editor) -> None:
    node = editor.add("ImageScaleToMaxDimension", "ImageScaleToMaxDimension")
    editor.widget(node, "upscale_method").click()
    options = editor.page.get_by_role("option")
    expect(options).to_have_text([*("•area", "lanczos", "bilinear", "nearest-exact", "bicubic")])
    options.nth(2).click()
    for wanted in ("nearest-exact", "bicubic"):
        editor.press("ArrowDown")
        expect(editor.widget(node, "upscale_method")).to_have_text(wanted)


def test_each_of_several_texts_has_its_name(editor: Editor) -> None:
    node = editor.add("CLIPTextEncodeSDXL", "CLIPTextEncodeSDXL")
    captions = editor.node(node).locator(".row[data-captioned] .row-label")
    expect(captions).to_have_text(["text_g", "text_l"])


def test_a_camera_is_calmly_said_to_be_out_of_reach(editor: Editor) -> None:
    node = editor.add("Webcam", "WebcamCapture")
    expect(editor.widget(node, "image")).to_have_text("image: recording is not possible here yet.")
    expect(editor.widget(node, "capture_on_queue")).to_have_attribute("aria-checked", "true")


def test_a_picture_for_a_menu_of_outputs_lands_among_the_outputs(editor: Editor, server: Server) -> None:
    node = editor.add("LoadImageOutput", "LoadImageOutput")
    picture = (server.base / "input" / "example-shape.png").read_bytes()
    file = {"name": "chosen here.png", "mimeType": "image/png", "buffer": picture}
    editor.widget(node, "image/upload-file").set_input_files(file)  # pyright: ignore[reportArgumentType]  a typed dict
    expect(editor.widget(node, "image")).to_have_text("chosen here.png [output]")
    assert (server.base / "output" / "chosen here.png").read_bytes() == picture


def test_a_new_model_file_is_offered_after_r(editor: Editor, server: Server) -> None:
    menu = editor.widget(4, "ckpt_name")
    folder = server.base / "models" / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "found later.safetensors").touch()
    editor.focus_canvas()
    editor.press("r")
    editor.expect_refusal("Menus show what the server has now.")
    menu.click()
    expect(editor.page.get_by_role("option").filter(has_text="found later.safetensors")).to_be_visible()
    assert id_of(editor.node(4)) == "4"
