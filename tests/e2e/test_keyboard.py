"""The editor by keys alone, what text fields keep for themselves, the palette, names for screen readers."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editor import TITLE, Editor, box_of

UNNAMED = """
() => {
  const named = (element) =>
    element.getAttribute("aria-label") || element.getAttribute("title") || element.textContent.trim() ||
    (element.id && document.querySelector(`label[for='${element.id}']`)) || element.closest("label");
  const shown = (element) => element.checkVisibility() && !element.closest("[aria-hidden='true']");
  const roles = ["button", "combobox", "switch", "spinbutton"].map((role) => `[role='${role}']`);
  return [...document.querySelectorAll(["button, input, textarea, a[href], article", ...roles].join())]
    .filter((element) => shown(element) && !named(element))
    .map((element) => element.outerHTML.slice(0, 160));
}
"""


@pytest.fixture
def editor(page: Page) -> Editor:
    opened = Editor(page)
    opened.wait_open()
    return opened


class TestAddingByKeys:
    def test_keys_open_the_search(self, editor: Editor) -> None:
        editor.focus_canvas()
        for key in ("Tab", "Shift+A", "Space"):
            editor.press(key)
            expect(editor.search).to_be_focused()
            expect(editor.search).to_have_value("")
            editor.press("Escape")
            expect(editor.search).to_be_hidden()

    def test_a_node_without_touching_the_pointer(self, page: Page) -> None:
        editor = Editor(page)
        editor.wait_drawn()
        editor.press("Shift+A")
        expect(editor.search).to_be_focused()
        editor.page.keyboard.type("preview")
        first = editor.page.locator("[data-testid^='search-item-']").first
        expect(first).to_have_attribute("aria-selected", "true")
        editor.press("ArrowDown")
        expect(first).to_have_attribute("aria-selected", "false")
        editor.press("ArrowUp")
        expect(first).to_have_attribute("aria-selected", "true")
        editor.press("Enter")
        added = editor.page.locator("[data-class^='Preview']")
        expect(added).to_have_count(1)
        expect(editor.selected).to_have_count(1)
        place = box_of(editor.selected)
        zoom = int(page.get_by_test_id("zoom").inner_text().split()[0]) / 100
        editor.press("ArrowRight")
        editor.press("Shift+ArrowDown")
        editor.page.wait_for_function(
            "(x) => document.querySelector('[data-class][data-selected]').getBoundingClientRect().x > x + 1",
            arg=place["x"],
        )
        after = box_of(editor.selected)
        assert after["x"] == pytest.approx(place["x"] + 10 * zoom, abs=1)
        assert after["y"] == pytest.approx(place["y"] + 100 * zoom, abs=1)
        editor.press("Delete")
        expect(added).to_have_count(0)
        for _ in range(3):
            editor.press("ControlOrMeta+z")
        editor.expect_nodes(7)
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()

    def test_everything_at_once(self, page: Page) -> None:
        editor = Editor(page)
        editor.wait_drawn()
        editor.press("ControlOrMeta+a")
        expect(editor.selected).to_have_count(7)
        editor.press("Delete")
        editor.expect_nodes(0)
        editor.press("ControlOrMeta+z")
        editor.expect_nodes(7)
        expect(editor.links).to_have_count(9)

    def test_renaming_with_f2(self, editor: Editor) -> None:
        editor.select(8)
        editor.press("F2")
        expect(editor.page.get_by_test_id("title-8")).to_be_focused()
        editor.page.keyboard.type("To pixels")
        editor.press("Enter")
        expect(editor.node(8).locator("header")).to_have_text("To pixels")
        editor.press("Delete")
        expect(editor.node(8)).to_be_hidden()

    def test_showing_the_selection(self, editor: Editor) -> None:
        editor.select(8)
        editor.press("f")
        canvas, node = box_of(editor.page.get_by_test_id("canvas")), editor.node(8)
        editor.page.wait_for_function(
            "([x, y]) => {"
            " const box = document.querySelector(\"[data-testid='node-8']\").getBoundingClientRect();"
            " return Math.abs(box.x + box.width / 2 - x) < 40"
            " && Math.abs(box.y + box.height / 2 - y) < 60; }",
            arg=[canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2],
        )
        expect(node).to_be_visible()


class TestKeysWhereverTheFocusIs:
    """The graph has the keys after a click anywhere, unless a text field, a menu or a dialog has them."""

    @pytest.mark.parametrize("button", ["undo", "rail-minimap", "theme", "zoom", "tab"])
    def test_after_a_click_on_a_bar(self, editor: Editor, button: str) -> None:
        editor.select(7)
        editor.press("ControlOrMeta+m")
        target = editor.tab("Text to image") if button == "tab" else editor.page.get_by_test_id(button)
        target.click()
        editor.press("Delete")
        expect(editor.node(7)).to_be_hidden()
        editor.press("ControlOrMeta+a")
        expect(editor.selected).to_have_count(6)
        editor.press("Space")
        expect(editor.search).to_be_focused()
        editor.press("Escape")
        expect(editor.search).to_be_hidden()

    def test_with_the_focus_on_a_button_of_a_panel(self, editor: Editor) -> None:
        editor.page.get_by_test_id("rail-nodes").click()
        category = editor.page.get_by_test_id("panel-nodes").locator("button[aria-expanded]").first
        category.click()
        expect(category).to_be_focused()
        editor.press("ControlOrMeta+a")
        expect(editor.selected).to_have_count(7)
        editor.press("ControlOrMeta+d")
        editor.expect_nodes(14)

    def test_space_and_enter_press_the_button_that_keys_have_reached(self, editor: Editor) -> None:
        minimap = editor.page.get_by_test_id("rail-minimap")
        editor.page.get_by_test_id("theme").focus()
        editor.press("Shift+Tab")
        expect(minimap).to_be_focused()
        editor.press("Space")
        expect(minimap).to_have_attribute("aria-pressed", "true")
        editor.press("Enter")
        expect(minimap).to_have_attribute("aria-pressed", "false")
        expect(editor.search).to_be_hidden()

    def test_an_open_menu_keeps_them(self, editor: Editor) -> None:
        editor.node(8).click(button="right", position=TITLE)
        expect(editor.menu).to_be_visible()
        for key in ("w", "ArrowRight", "ControlOrMeta+a"):
            editor.press(key)
        expect(editor.selected).to_have_count(1)
        expect(editor.page.get_by_test_id("panel-workflows")).to_be_hidden()
        editor.press("Escape")
        expect(editor.menu).to_be_hidden()
        editor.press("Delete")
        expect(editor.node(8)).to_be_hidden()

    def test_keys_typed_while_a_dialog_is_fetched_do_nothing_to_the_graph(self, editor: Editor) -> None:
        editor.select(8)
        for key in ("ControlOrMeta+k", "Delete", "w"):
            editor.press(key)
        palette = editor.page.get_by_test_id("palette")
        expect(palette.get_by_role("combobox")).to_be_focused()
        editor.press("Escape")
        expect(palette).to_be_hidden()
        expect(editor.node(8)).to_be_visible()
        expect(editor.page.get_by_test_id("panel-workflows")).to_be_hidden()


class TestTextFields:
    def test_their_own_undo(self, editor: Editor) -> None:
        """Ctrl+Z in a text takes back typing, not the move made before; on the canvas it takes back both."""
        before = editor.shown()
        editor.select(5)
        editor.press("ControlOrMeta+m")
        text = editor.widget(6, "text")
        first = text.input_value()
        text.click()
        editor.press("ControlOrMeta+End")
        editor.page.keyboard.type(" with stars")
        expect(text).to_have_value(f"{first} with stars")
        editor.press("ControlOrMeta+z")
        expect(text).not_to_have_value(f"{first} with stars")
        assert text.input_value().startswith(first)
        expect(editor.node(5)).to_have_attribute("data-mode", "mute")
        editor.press("ControlOrMeta+Shift+z")
        expect(text).to_have_value(f"{first} with stars")
        editor.press("Escape")
        expect(text).not_to_be_focused()
        for _ in range(6):
            if editor.page.get_by_test_id("undo").is_enabled():
                editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_one_typed_sentence_is_one_step(self, editor: Editor) -> None:
        text = editor.widget(7, "text")
        text.click()
        editor.page.keyboard.type("blurry")
        editor.press("Escape")
        editor.press("ControlOrMeta+z")
        expect(text).to_have_value("")
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()

    def test_letters_and_graph_keys_stay_letters(self, editor: Editor) -> None:
        editor.select(5)
        text = editor.widget(7, "text")
        text.click()
        expect(text).to_be_focused()
        editor.page.keyboard.type("m w n q a p f . A")
        expect(text).to_have_value("m w n q a p f . A")
        for key in ("Backspace", "ControlOrMeta+a", "Delete", "ControlOrMeta+d"):
            editor.press(key)
        expect(text).to_have_value("")
        editor.expect_nodes(7)
        expect(editor.node(5)).not_to_have_attribute("data-mode", re.compile(".+"))
        expect(editor.search).to_be_hidden()

    def test_copy_and_paste_inside_a_text_is_text(self, editor: Editor) -> None:
        editor.select(3)
        editor.press("ControlOrMeta+c")
        text = editor.widget(7, "text")
        text.fill("fog")
        text.press("ControlOrMeta+a")
        editor.press("ControlOrMeta+c")
        editor.press("End")
        editor.press("ControlOrMeta+v")
        expect(text).to_have_value("fogfog")
        editor.expect_nodes(7)


class TestPalette:
    def test_a_command_by_name(self, editor: Editor) -> None:
        root = editor.page.locator("html")
        first = root.get_attribute("data-theme")
        editor.press("ControlOrMeta+k")
        palette = editor.page.get_by_test_id("palette")
        expect(palette.get_by_role("combobox")).to_be_focused()
        editor.page.keyboard.type("dark and light")
        editor.press("Enter")
        expect(palette).to_be_hidden()
        expect(root).not_to_have_attribute("data-theme", first or "")

    def test_commands_for_the_selection(self, editor: Editor) -> None:
        editor.select(7)
        editor.press("ControlOrMeta+k")
        palette = editor.page.get_by_test_id("palette")
        mute = palette.get_by_role("option", name="Mute")
        expect(mute).to_contain_text("Ctrl+M")
        editor.page.keyboard.type("mute")
        editor.press("Enter")
        expect(editor.node(7)).to_have_attribute("data-mode", "mute")
        editor.press("ControlOrMeta+z")
        expect(editor.node(7)).not_to_have_attribute("data-mode", re.compile(".+"))

    def test_commands_that_open_a_field_leave_the_focus_there(self, editor: Editor) -> None:
        editor.select(7)
        for command, test_id in (("rename", "title-7"), ("add a node", "search-field")):
            editor.press("ControlOrMeta+k")
            expect(editor.page.get_by_test_id("palette").get_by_role("combobox")).to_be_focused()
            editor.page.keyboard.type(command)
            editor.press("Enter")
            expect(editor.page.get_by_test_id("palette")).to_be_hidden()
            expect(editor.page.get_by_test_id(test_id)).to_be_focused()
            editor.page.keyboard.type("dream")
            expect(editor.page.get_by_test_id(test_id)).to_have_value("dream")
            editor.press("Escape")
            expect(editor.page.get_by_test_id(test_id)).to_be_hidden()

    def test_from_inside_a_text_field(self, editor: Editor) -> None:
        editor.widget(6, "text").click()
        editor.press("ControlOrMeta+k")
        palette = editor.page.get_by_test_id("palette")
        expect(palette).to_be_visible()
        editor.page.keyboard.type("nothing is called like this")
        expect(palette.get_by_text("Nothing matches.")).to_be_visible()
        editor.press("Escape")
        expect(palette).to_be_hidden()


class TestPanels:
    def test_a_letter_opens_and_closes(self, editor: Editor) -> None:
        editor.focus_canvas()
        for key, panel in (("w", "workflows"), ("n", "nodes"), ("q", "queue"), ("a", "gallery")):
            button = editor.page.get_by_test_id(f"rail-{panel}")
            editor.press(key)
            expect(button).to_have_attribute("aria-pressed", "true")
            editor.press(key)
            expect(button).to_have_attribute("aria-pressed", "false")

    def test_the_graph_stays_where_it_was_seen(self, editor: Editor) -> None:
        before = box_of(editor.node(3))
        editor.page.get_by_test_id("rail-nodes").click()
        expect(editor.page.get_by_role("textbox", name="Find a node")).to_be_visible()
        expect(editor.node(3)).to_be_visible()
        assert box_of(editor.node(3))["x"] == pytest.approx(before["x"], abs=1)


class TestNames:
    def test_everything_to_press_has_a_name(self, editor: Editor) -> None:
        assert editor.page.evaluate(UNNAMED) == []
        for panel in ("workflows", "nodes", "gallery", "queue", "templates"):
            button = editor.page.get_by_test_id(f"rail-{panel}")
            button.click()
            expect(button).to_have_attribute("aria-pressed", "true")
            assert editor.page.evaluate(UNNAMED) == [], f"in the panel {panel}"

    def test_regions_and_controls_by_role(self, editor: Editor) -> None:
        page = editor.page
        for role, name in (
            ("main", "Graph"),
            ("navigation", "Panels"),
            ("contentinfo", "Status"),
            ("article", "KSampler"),
            ("article", "Positive text"),
            ("button", "Run"),
            ("button", "Interrupt"),
            ("button", "Input positive: CONDITIONING, connected"),
            ("button", "Output LATENT: LATENT, connected"),
        ):
            found: Any = page.get_by_role(role, name=name)  # pyright: ignore[reportArgumentType]  roles of the list
            expect(found.first).to_be_visible()
        sampler = page.get_by_role("article", name="KSampler")
        expect(sampler.get_by_role("spinbutton", name="steps")).to_have_attribute("aria-valuenow", "20")
        expect(sampler.get_by_role("combobox", name="scheduler")).to_have_attribute("aria-expanded", "false")
        expect(page.locator("html")).to_have_attribute("lang", re.compile("^en"))

    def test_tab_reaches_controls_and_shows_where_it_is(self, editor: Editor) -> None:
        editor.widget(5, "width").focus()
        editor.press("Tab")
        expect(editor.widget(5, "height")).to_be_focused()
        editor.press("Escape")
        editor.page.get_by_test_id("undo").click(force=True)
        editor.page.get_by_test_id("theme").focus()
        editor.press("Shift+Tab")
        focused = editor.page.locator(":focus-visible")
        expect(focused).to_have_attribute("data-testid", "rail-minimap")
        assert focused.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 1

    def test_the_mouse_is_not_needed_to_leave_a_dialog(self, editor: Editor) -> None:
        editor.node(6).click(position=TITLE)
        editor.press("ControlOrMeta+s")
        expect(editor.page.get_by_role("dialog")).to_be_visible()
        editor.press("Escape")
        expect(editor.page.get_by_role("dialog")).to_be_hidden()
