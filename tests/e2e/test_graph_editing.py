"""Editing the graph with the pointer in the real page: nodes, wires, selection, copies, undo, viewport."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.editor import TITLE, Editor, box_of, centre, expect_box, id_of
from tests.serving import Server


@pytest.fixture
def editor(page: Page) -> Editor:
    opened = Editor(page)
    opened.wait_open()
    return opened


def title_spot(node: Locator) -> tuple[float, float]:
    """Where to grab a node."""
    box = box_of(node)
    return box["x"] + TITLE["x"], box["y"] + TITLE["y"]


def expect_moved(node: Locator, before: dict[str, float], dx: float, dy: float) -> None:
    """Wait until a node stands elsewhere."""
    expect_box(node, x=before["x"] + dx, y=before["y"] + dy)


def colour_of(target: Locator, name: str) -> str:
    """A colour as the browser paints it."""
    return str(target.evaluate("(element, name) => getComputedStyle(element)[name]", name))


class TestColours:
    def test_each_type_has_its_own_on_slots_and_wires(self, editor: Editor) -> None:
        slots = {
            "MODEL": (editor.output(4, 0), editor.input(3, "model")),
            "CLIP": (editor.output(4, 1), editor.input(6, "clip")),
            "VAE": (editor.output(4, 2), editor.input(8, "vae")),
            "CONDITIONING": (editor.output(6), editor.input(3, "positive")),
            "LATENT": (editor.output(5), editor.input(3, "latent_image")),
            "IMAGE": (editor.output(8), editor.input(9, "images")),
        }
        colours = {kind: colour_of(output, "borderTopColor") for kind, (output, _input) in slots.items()}
        assert len(set(colours.values())) == len(slots), colours
        assert all(each.startswith(("rgb(", "oklch(", "color(")) for each in colours.values()), colours
        for kind, (_output, taken) in slots.items():
            assert colour_of(taken, "borderTopColor") == colours[kind], kind
        wires = editor.links.locator(".wire")
        painted = {colour_of(wires.nth(at), "stroke") for at in range(wires.count())}
        assert painted == set(colours.values())


class TestAdding:
    def test_double_click_search_enter(self, editor: Editor) -> None:
        before = editor.shown()
        editor.page.mouse.dblclick(*editor.empty)
        expect(editor.search).to_be_focused()
        editor.page.keyboard.type("latent upscale by")
        expect(editor.page.locator("[data-testid^='search-item-']").first).to_have_attribute(
            "data-testid", "search-item-LatentUpscaleBy"
        )
        editor.press("Enter")
        added = editor.nodes_of("LatentUpscaleBy")
        expect(added).to_have_attribute("data-selected", "")
        box = box_of(added)
        assert abs(box["x"] - editor.empty[0]) <= 30, "the node is not where the search was opened"
        assert abs(box["y"] - editor.empty[1]) <= 30, "the node is not where the search was opened"
        editor.expect_nodes(8)
        editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_escape_leaves_the_search(self, editor: Editor) -> None:
        editor.page.mouse.dblclick(*editor.empty)
        expect(editor.search).to_be_focused()
        editor.press("Escape")
        expect(editor.search).to_be_hidden()
        editor.expect_nodes(7)

    def test_a_search_without_result_says_so(self, editor: Editor) -> None:
        editor.page.mouse.dblclick(*editor.empty)
        editor.search.fill("no such node qqq")
        expect(editor.page.get_by_text("No node matches.")).to_be_visible()

    def test_from_the_node_library(self, editor: Editor) -> None:
        editor.page.get_by_test_id("rail-nodes").click()
        editor.page.get_by_role("textbox", name="Find a node").fill("preview image")
        editor.page.get_by_test_id("library-PreviewImage").click()
        expect(editor.nodes_of("PreviewImage")).to_be_visible()
        editor.page.get_by_test_id("library-PreviewImage").drag_to(
            editor.page.get_by_test_id("canvas"), target_position={"x": 400, "y": 100}
        )
        expect(editor.nodes_of("PreviewImage")).to_have_count(2)


class TestConnecting:
    def test_dragging_from_output_to_input(self, editor: Editor) -> None:
        added = editor.add("preview image", "PreviewImage")
        editor.connect(editor.output(8), editor.input(added, "images"))
        expect(editor.links).to_have_count(10)
        expect(editor.input(added, "images")).to_have_attribute("data-linked", "")
        expect(editor.input(9, "images")).to_have_attribute("data-linked", "")

    def test_dragging_from_input_to_output(self, editor: Editor) -> None:
        added = editor.add("preview image", "PreviewImage")
        editor.connect(editor.input(added, "images"), editor.output(8))
        expect(editor.links).to_have_count(10)
        expect(editor.input(added, "images")).to_have_attribute("data-linked", "")

    def test_an_occupied_input_takes_the_new_wire(self, editor: Editor) -> None:
        added = editor.add("empty latent", "EmptyLatentImage")
        before = editor.shown()
        editor.connect(editor.output(added), editor.input(3, "latent_image"))
        expect(editor.link(4)).to_be_hidden()
        expect(editor.links).to_have_count(9)
        expect(editor.output(5)).not_to_have_attribute("data-linked", "")
        expect(editor.output(added)).to_have_attribute("data-linked", "")
        editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_a_wrong_type_is_refused_with_the_reason(self, editor: Editor) -> None:
        before = editor.shown()
        editor.connect(editor.output(5), editor.input(3, "positive"))
        editor.expect_refusal('"positive" takes CONDITIONING, and this output gives LATENT.')
        editor.expect_shown(before)

    def test_a_circle_is_refused_with_the_reason(self, editor: Editor) -> None:
        added = editor.add("latent upscale by", "LatentUpscaleBy")
        editor.connect(editor.output(added), editor.input(3, "latent_image"))
        expect(editor.input(3, "latent_image")).to_have_attribute("data-linked", "")
        expect(editor.output(added)).to_have_attribute("data-linked", "")
        before = editor.shown()
        editor.connect(editor.output(3), editor.input(added, "samples"))
        editor.expect_refusal(re.compile("would close a circle"))
        editor.expect_shown(before)

    def test_two_outputs_are_refused(self, editor: Editor) -> None:
        before = editor.shown()
        editor.connect(editor.output(5), editor.output(3))
        editor.expect_refusal("Connect an output with an input.")
        editor.expect_shown(before)

    def test_slots_that_do_not_fit_fade_while_a_wire_is_dragged(self, editor: Editor) -> None:
        with editor.dragging(centre(editor.output(5)), editor.below(3)):
            expect(editor.input(8, "samples")).to_have_attribute("data-welcome", "")
            for faded in (editor.input(3, "positive"), editor.input(8, "vae"), editor.output(4)):
                expect(faded).to_have_attribute("data-faded", "")
                expect(faded).to_have_css("opacity", "0.12")
            expect(editor.input(8, "samples")).to_have_css("opacity", "1")
        editor.press("Escape")
        expect(editor.input(3, "positive")).not_to_have_attribute("data-faded", "")

    def test_a_wire_dropped_on_a_node_takes_its_first_fitting_slot(self, editor: Editor) -> None:
        added = editor.add("vae decode", "VAEDecode")
        editor.drag(centre(editor.output(3)), centre(editor.node(added)))
        expect(editor.input(added, "samples")).to_have_attribute("data-linked", "")
        editor.drag(centre(editor.output(4, 0)), centre(editor.node(added)))
        editor.expect_refusal("This node has no free slot for MODEL.")
        expect(editor.links).to_have_count(10)

    def test_dropping_a_wire_on_empty_canvas_offers_what_takes_it(self, editor: Editor) -> None:
        before = editor.shown()
        editor.drag(centre(editor.output(3)), editor.below(3, 100))
        expect(editor.search).to_be_focused()
        expect(editor.search).to_have_attribute("placeholder", "Add a node for LATENT")
        expect(editor.page.get_by_test_id("search-item-VAEDecode")).to_be_visible()
        expect(editor.page.get_by_test_id("search-item-CheckpointLoaderSimple")).to_have_count(0)
        expect(editor.page.get_by_test_id("search-item-EmptyLatentImage")).to_have_count(0)
        editor.search.fill("vae dec")
        editor.press("Enter")
        expect(editor.links).to_have_count(10)
        added = id_of(editor.selected)
        expect(editor.node(added)).to_have_attribute("data-class", "VAEDecode")
        expect(editor.input(added, "samples")).to_have_attribute("data-linked", "")
        editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_a_wire_from_an_input_offers_what_feeds_it(self, editor: Editor) -> None:
        added = editor.add("vae decode", "VAEDecode", editor.below(3, 120))
        start = centre(editor.input(added, "samples"))
        editor.drag(start, (start[0] - 300, start[1]))
        expect(editor.page.get_by_test_id("search-item-EmptyLatentImage")).to_be_visible()
        expect(editor.page.get_by_test_id("search-item-SaveImage")).to_have_count(0)
        editor.search.fill("empty latent")
        editor.press("Enter")
        expect(editor.nodes_of("EmptyLatentImage")).to_have_count(2)
        expect(editor.input(added, "samples")).to_have_attribute("data-linked", "")

    def test_dragging_off_a_connected_input_detaches(self, editor: Editor) -> None:
        before = editor.shown()
        editor.drag(centre(editor.input(3, "latent_image")), editor.below(3, 100))
        expect(editor.link(4)).to_be_hidden()
        expect(editor.links).to_have_count(8)
        expect(editor.search).to_be_hidden()
        expect(editor.input(3, "latent_image")).not_to_have_attribute("data-linked", "")
        editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_a_wire_moves_from_input_to_input(self, editor: Editor) -> None:
        before = editor.shown()
        editor.connect(editor.input(3, "positive"), editor.input(3, "negative"))
        expect(editor.links).to_have_count(8)
        expect(editor.input(3, "positive")).not_to_have_attribute("data-linked", "")
        expect(editor.output(6)).to_have_attribute("data-linked", "")
        expect(editor.output(7)).not_to_have_attribute("data-linked", "")
        editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_a_wire_let_go_where_it_was_stays(self, editor: Editor) -> None:
        before = editor.shown()
        place = centre(editor.input(3, "positive"))
        with editor.dragging(place, (place[0] - 60, place[1] + 40)):
            editor.page.mouse.move(*place, steps=4)
        editor.expect_shown(before)
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()

    def test_a_clicked_wire_is_deleted(self, editor: Editor) -> None:
        wire = editor.page.locator(".react-flow__edge").filter(has=editor.link(4))
        ends = centre(editor.output(5)), centre(editor.input(3, "latent_image"))
        middle = [sum(pair) / 2 for pair in zip(*ends, strict=True)]
        editor.page.mouse.click(middle[0], middle[1])
        expect(wire).to_have_class(re.compile(r"\bselected\b"))
        editor.press("Delete")
        expect(editor.link(4)).to_be_hidden()
        expect(editor.links).to_have_count(8)


class TestSelecting:
    def test_click_shift_click_and_empty_canvas(self, editor: Editor) -> None:
        editor.node(3).click(position=TITLE)
        expect(editor.selected).to_have_count(1)
        editor.node(5).click(position=TITLE)
        expect(editor.selected).to_have_count(1)
        expect(editor.node(5)).to_have_attribute("data-selected", "")
        editor.node(3).click(position=TITLE, modifiers=["Shift"])
        editor.node(8).click(position=TITLE, modifiers=["ControlOrMeta"])
        expect(editor.selected).to_have_count(3)
        expect(editor.page.get_by_test_id("node-count")).to_have_text("7 nodes, 3 selected")
        editor.node(3).click(position=TITLE, modifiers=["Shift"])
        expect(editor.selected).to_have_count(2)
        editor.focus_canvas()
        expect(editor.selected).to_have_count(0)

    def test_box(self, editor: Editor) -> None:
        left, below = box_of(editor.node(6)), box_of(editor.node(5))
        start = (left["x"] - 20, left["y"] - 14)
        end = (left["x"] + left["width"] / 2, below["y"] + 20)
        with editor.dragging(start, end):
            expect(editor.selected).to_have_count(3)
        expect(editor.selected).to_have_count(3)
        for node in (5, 6, 7):
            expect(editor.node(node)).to_have_attribute("data-selected", "")

    def test_all_and_nothing(self, editor: Editor) -> None:
        editor.focus_canvas()
        editor.press("ControlOrMeta+a")
        expect(editor.selected).to_have_count(7)
        editor.press("Escape")
        expect(editor.selected).to_have_count(0)


class TestCopies:
    def test_paste_puts_copies_under_the_pointer_with_their_inner_links(self, editor: Editor) -> None:
        before = editor.shown()
        editor.select(8, 9)
        editor.press("ControlOrMeta+c")
        editor.page.mouse.move(*editor.empty)
        editor.press("ControlOrMeta+v")
        editor.expect_nodes(9)
        expect(editor.selected).to_have_count(2)
        decode = id_of(editor.page.locator("[data-class='VAEDecode'][data-selected]"))
        save = id_of(editor.page.locator("[data-class='SaveImage'][data-selected]"))
        expect(editor.links).to_have_count(10)
        expect(editor.output(decode)).to_have_attribute("data-linked", "")
        expect(editor.input(save, "images")).to_have_attribute("data-linked", "")
        expect(editor.input(decode, "samples")).not_to_have_attribute("data-linked", "")
        expect_box(editor.node(decode), x=editor.empty[0], near=20)
        editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_paste_with_links_connects_what_fed_the_original(self, editor: Editor) -> None:
        editor.select(3)
        editor.press("ControlOrMeta+c")
        editor.page.mouse.move(*editor.empty)
        editor.press("ControlOrMeta+Shift+v")
        expect(editor.links).to_have_count(13)
        added = id_of(editor.selected)
        assert added != "3"
        for name in ("model", "positive", "negative", "latent_image"):
            expect(editor.input(added, name)).to_have_attribute("data-linked", "")

    def test_copies_travel_between_tabs(self, editor: Editor, server: Server) -> None:
        editor.type_over(editor.widget(5, "width"), "192")
        editor.press("Enter")
        editor.select(5)
        editor.press("ControlOrMeta+c")
        other = Editor(editor.page.context.new_page())
        other.page.goto(server.url)
        other.wait_open()
        other.focus_canvas()
        other.press("ControlOrMeta+v")
        other.expect_nodes(8)
        expect(other.widget(id_of(other.selected), "width")).to_have_value("192")

    def test_cut_and_paste(self, editor: Editor) -> None:
        place = editor.empty
        editor.select(5)
        editor.press("ControlOrMeta+x")
        expect(editor.node(5)).to_be_hidden()
        expect(editor.links).to_have_count(8)
        editor.page.mouse.move(*place)
        editor.press("ControlOrMeta+v")
        expect(editor.nodes_of("EmptyLatentImage")).to_have_count(1)

    def test_duplicate(self, editor: Editor) -> None:
        editor.select(6, 7)
        editor.press("ControlOrMeta+d")
        expect(editor.nodes_of("CLIPTextEncode")).to_have_count(4)
        expect(editor.selected).to_have_count(2)
        expect(editor.node(6)).not_to_have_attribute("data-selected", "")

    def test_alt_drag_leaves_the_original(self, editor: Editor) -> None:
        before = box_of(editor.node(5))
        start = title_spot(editor.node(5))
        editor.page.keyboard.down("Alt")
        editor.drag(start, (start[0] - 100, start[1] + 200))
        editor.page.keyboard.up("Alt")
        expect(editor.nodes_of("EmptyLatentImage")).to_have_count(2)
        expect_moved(editor.node(5), before, 0, 0)
        expect_moved(editor.selected, before, -100, 200)

    def test_delete(self, editor: Editor) -> None:
        before = editor.shown()
        for key in ("Delete", "Backspace"):
            editor.select(3, 8)
            editor.press(key)
            editor.expect_nodes(5)
            expect(editor.links).to_have_count(2)
            editor.press("ControlOrMeta+z")
            editor.expect_shown(before)


class TestUndo:
    def test_a_chain_of_edits_back_to_the_start_and_forth_again(self, editor: Editor) -> None:
        """Eight edits of different kinds; after each the page is remembered and has to come back exactly."""
        states = [editor.shown()]

        def remember() -> None:
            states.append(editor.shown())

        added = editor.add("vae decode", "VAEDecode")
        remember()
        editor.connect(editor.output(3), editor.input(added, "samples"))
        expect(editor.links).to_have_count(10)
        remember()
        editor.type_over(editor.widget(5, "height"), "256")
        editor.press("Enter")
        expect(editor.widget(5, "height")).to_have_value("256")
        remember()
        editor.select(7)
        editor.press("ControlOrMeta+m")
        expect(editor.node(7)).to_have_attribute("data-mode", "mute")
        remember()
        editor.press("Alt+c")
        expect(editor.node(7)).to_have_attribute("data-collapsed", "")
        remember()
        start = title_spot(editor.node(4))
        editor.drag(start, (start[0] + 10, start[1] + 150))
        remember()
        editor.node(6).locator("header").dblclick(position=TITLE)
        editor.page.get_by_test_id("title-6").fill("What I want")
        editor.press("Enter")
        expect(editor.node(6)).to_contain_text("What I want")
        remember()
        editor.select(9)
        editor.press("Delete")
        expect(editor.node(9)).to_be_hidden()
        remember()

        for state in reversed(states[:-1]):
            editor.press("ControlOrMeta+z")
            editor.expect_shown(state)
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()
        for state in states[1:]:
            editor.press("ControlOrMeta+Shift+z")
            editor.expect_shown(state)
        expect(editor.page.get_by_test_id("redo")).to_be_disabled()
        editor.page.get_by_test_id("undo").click()
        editor.expect_shown(states[-2])
        editor.focus_canvas()
        editor.press("ControlOrMeta+y")
        editor.expect_shown(states[-1])

    def test_a_new_edit_ends_the_way_forth(self, editor: Editor) -> None:
        editor.select(5)
        editor.press("Delete")
        editor.press("ControlOrMeta+z")
        expect(editor.page.get_by_test_id("redo")).to_be_enabled()
        editor.select(7)
        editor.press("ControlOrMeta+b")
        expect(editor.page.get_by_test_id("redo")).to_be_disabled()


class TestMoving:
    def test_dragging_a_node_and_taking_it_back(self, editor: Editor) -> None:
        before = box_of(editor.node(5))
        start = title_spot(editor.node(5))
        editor.drag(start, (start[0] + 30, start[1] + 140))
        expect_moved(editor.node(5), before, 30, 140)
        editor.press("ControlOrMeta+z")
        expect_moved(editor.node(5), before, 0, 0)
        editor.press("ControlOrMeta+Shift+z")
        expect_moved(editor.node(5), before, 30, 140)

    def test_a_selection_moves_together_in_one_step(self, editor: Editor) -> None:
        before = {node: box_of(editor.node(node)) for node in (5, 6, 7)}
        editor.select(5, 6)
        start = title_spot(editor.node(6))
        editor.drag(start, (start[0] - 40, start[1] + 60))
        for node, (dx, dy) in {5: (-40, 60), 6: (-40, 60), 7: (0, 0)}.items():
            expect_moved(editor.node(node), before[node], dx, dy)
        editor.press("ControlOrMeta+z")
        for node in (5, 6, 7):
            expect_moved(editor.node(node), before[node], 0, 0)

    def test_the_corner_resizes(self, editor: Editor) -> None:
        before = box_of(editor.node(6))
        start = centre(editor.page.get_by_test_id("resize-6"))
        editor.drag(start, (start[0] + 20, start[1] + 30))
        expect_box(editor.node(6), width=before["width"] + 20, height=before["height"] + 30)
        editor.page.get_by_test_id("undo").click()
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()
        expect_box(editor.node(6), width=before["width"], height=before["height"])


class TestViewport:
    def test_middle_button_pans(self, editor: Editor) -> None:
        before = box_of(editor.node(3))
        x, y = editor.empty
        editor.drag((x, y), (x + 90, y - 70), button="middle")
        expect_moved(editor.node(3), before, 90, -70)
        expect(editor.selected).to_have_count(0)

    def test_space_drag_pans_and_opens_no_search(self, editor: Editor) -> None:
        before = box_of(editor.node(3))
        editor.focus_canvas()
        x, y = editor.empty
        editor.page.keyboard.down("Space")
        editor.drag((x, y), (x - 80, y - 50))
        editor.page.keyboard.up("Space")
        expect_moved(editor.node(3), before, -80, -50)
        expect(editor.search).to_be_hidden()

    def test_wheel_zooms_to_the_pointer(self, editor: Editor) -> None:
        pin = centre(editor.output(3))
        editor.page.mouse.move(*pin)
        editor.page.mouse.wheel(0, -240)
        expect(editor.page.get_by_test_id("zoom")).not_to_have_text("100 %")
        assert int(editor.page.get_by_test_id("zoom").inner_text().split()[0]) > 100
        after = centre(editor.output(3))
        assert after == pytest.approx(pin, abs=4), "the place under the pointer did not stay"
        editor.page.get_by_test_id("zoom").click()
        expect(editor.page.get_by_test_id("zoom")).to_have_text("100 %")

    def test_fit_shows_everything(self, editor: Editor) -> None:
        x, y = editor.empty
        editor.drag((x, y), (x + 700, y - 500), button="middle")
        editor.drag((x, y), (x + 700, y - 400), button="middle")
        expect(editor.node(5)).to_be_hidden()
        editor.press(".")
        canvas = box_of(editor.page.get_by_test_id("canvas"))
        for node in (3, 4, 5, 6, 7, 8, 9):
            expect(editor.node(node)).to_be_in_viewport(ratio=0.99)
            box = box_of(editor.node(node))
            assert box["x"] >= canvas["x"]
            assert box["x"] + box["width"] <= canvas["x"] + canvas["width"]

    def test_far_away_nodes_are_titles_then_blocks(self, editor: Editor) -> None:
        editor.page.mouse.move(*editor.empty)
        expect(editor.widget(3, "steps")).to_be_visible()
        canvas = editor.page.get_by_test_id("canvas")
        zoom_until(editor, canvas, "1")
        expect(editor.node(3)).to_have_text("KSampler")
        expect(editor.widget(3, "steps")).to_have_count(0)
        zoom_until(editor, canvas, "2")
        expect(editor.node(3)).to_have_text("")
        expect(editor.node(3)).to_be_visible()
        expect(editor.links).to_have_count(9)
        editor.page.get_by_test_id("zoom").click()
        expect(editor.page.get_by_test_id("canvas")).to_have_attribute("data-lod", "0")


def zoom_until(editor: Editor, canvas: Locator, level: str) -> None:
    """Turn the wheel until nodes are drawn at a level of detail."""
    for _ in range(30):
        if canvas.get_attribute("data-lod") == level:
            return
        before = editor.page.get_by_test_id("zoom").inner_text()
        editor.page.mouse.wheel(0, 120)
        expect(editor.page.get_by_test_id("zoom")).not_to_have_text(before)
    pytest.fail(f"level of detail {level} never came")


class TestNodeStates:
    def test_mute_bypass_collapse_and_pin(self, editor: Editor) -> None:
        editor.select(7)
        editor.press("ControlOrMeta+m")
        expect(editor.node(7)).to_have_attribute("data-mode", "mute")
        expect(editor.node(7).get_by_label("Muted")).to_be_visible()
        editor.press("ControlOrMeta+b")
        expect(editor.node(7)).to_have_attribute("data-mode", "bypass")
        expect(editor.node(7).get_by_label("Bypassed")).to_be_visible()
        editor.press("ControlOrMeta+b")
        expect(editor.node(7)).not_to_have_attribute("data-mode", re.compile(".+"))
        height = box_of(editor.node(7))["height"]
        editor.press("Alt+c")
        expect(editor.widget(7, "text")).to_be_hidden()
        assert box_of(editor.node(7))["height"] < height / 2
        expect(editor.links).to_have_count(9)
        editor.press("Alt+c")
        expect(editor.widget(7, "text")).to_be_visible()
        editor.press("p")
        expect(editor.node(7).get_by_label("Pinned")).to_be_visible()
        before = box_of(editor.node(7))
        start = title_spot(editor.node(7))
        editor.drag(start, (start[0] + 20, start[1] + 200))
        expect_moved(editor.node(7), before, 0, 0)

    def test_several_at_once(self, editor: Editor) -> None:
        editor.select(6, 7)
        editor.press("ControlOrMeta+m")
        expect(editor.page.locator("[data-class][data-mode='mute']")).to_have_count(2)
        editor.press("ControlOrMeta+z")
        expect(editor.page.locator("[data-class][data-mode='mute']")).to_have_count(0)

    def test_renaming_by_double_click_on_the_title(self, editor: Editor) -> None:
        header = editor.node(5).locator("header")
        header.dblclick(position=TITLE)
        field = editor.page.get_by_test_id("title-5")
        expect(field).to_be_focused()
        editor.page.keyboard.type("Small square")
        editor.press("Enter")
        expect(header).to_have_text("Small square")
        header.dblclick(position=TITLE)
        field.fill("something else")
        editor.press("Escape")
        expect(header).to_have_text("Small square")
        header.dblclick(position=TITLE)
        field.fill("")
        editor.press("Enter")
        expect(header).to_have_text("Empty Latent Image")


class TestMenus:
    def test_on_a_node(self, editor: Editor) -> None:
        editor.node(7).click(position=TITLE, button="right")
        expect(editor.menu).to_be_visible()
        expect(editor.node(7)).to_have_attribute("data-selected", "")
        editor.menu.get_by_role("menuitem", name="Mute").click()
        expect(editor.node(7)).to_have_attribute("data-mode", "mute")
        expect(editor.menu).to_be_hidden()
        editor.node(7).click(position=TITLE, button="right")
        editor.menu.get_by_role("menuitem", name="Duplicate").click()
        expect(editor.nodes_of("CLIPTextEncode")).to_have_count(3)
        editor.node(7).click(position=TITLE, button="right")
        editor.menu.get_by_role("menuitem", name="Delete").click()
        expect(editor.node(7)).to_be_hidden()

    def test_copy_on_a_node_and_paste_on_the_canvas(self, editor: Editor) -> None:
        editor.node(5).click(position=TITLE, button="right")
        editor.menu.get_by_role("menuitem", name="Copy").click()
        expect(editor.menu).to_be_hidden()
        editor.page.mouse.click(*editor.empty, button="right")
        editor.menu.get_by_role("menuitem", name="Paste").click()
        expect(editor.nodes_of("EmptyLatentImage")).to_have_count(2)

    def test_on_the_canvas(self, editor: Editor) -> None:
        editor.page.mouse.click(*editor.empty, button="right")
        editor.menu.get_by_role("menuitem", name="Select all").click()
        expect(editor.selected).to_have_count(7)
        editor.page.mouse.click(*editor.empty, button="right")
        editor.menu.get_by_role("menuitem", name="Add a node").click()
        expect(editor.search).to_be_focused()
        editor.press("Escape")
        editor.page.mouse.click(*editor.empty, button="right")
        editor.press("ArrowDown")
        editor.press("Escape")
        expect(editor.menu).to_be_hidden()


class TestTheme:
    def test_the_switch_changes_the_page_and_is_remembered(self, editor: Editor) -> None:
        page = editor.page
        root = page.locator("html")
        first = root.get_attribute("data-theme")
        assert first in ("dark", "light")
        colour = ground(editor)
        page.get_by_test_id("theme").click()
        other = "light" if first == "dark" else "dark"
        expect(root).to_have_attribute("data-theme", other)
        changed = ground(editor)
        assert (sum(changed) > sum(colour)) == (other == "light")
        page.reload()
        editor.wait_drawn()
        expect(root).to_have_attribute("data-theme", other)
        assert ground(editor) == changed

    def test_the_system_decides_until_somebody_chooses(self, browser: Browser, server: Server) -> None:
        for scheme in ("dark", "light"):
            context = browser.new_context(color_scheme=scheme)
            page = context.new_page()
            page.goto(server.url)
            expect(page.locator("html")).to_have_attribute("data-theme", scheme)
            context.close()


def ground(editor: Editor) -> list[int]:
    """The colour under the whole page: red, green, blue."""
    text = editor.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in re.findall(r"\d+", str(text))[:3]]
