"""Choosing, adding and connecting nodes by keys alone, told to screen readers; the list of shortcuts."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editor import TITLE, Editor


@pytest.fixture
def editor(page: Page) -> Editor:
    opened = Editor(page)
    opened.wait_open()
    return opened


def expect_said(editor: Editor, text: str) -> None:
    """Wait for a sentence where screen readers listen."""
    expect(editor.page.get_by_test_id("announcer")).to_have_text(re.compile(rf"^{re.escape(text)}\s?$"))


def open_links(editor: Editor) -> None:
    """Press L and wait until the list has the keys."""
    editor.press("l")
    expect(editor.page.get_by_test_id("links-field")).to_be_focused()


def marked(editor: Editor) -> str:
    """What the list is at."""
    return editor.page.get_by_test_id("links").locator("[aria-selected='true']").inner_text()


class TestChoosingNodes:
    def test_arrow_keys_go_from_node_to_node(self, editor: Editor) -> None:
        editor.select(4)
        for key, node, said in (
            ("ControlOrMeta+ArrowRight", 7, "Negative text selected"),
            ("ControlOrMeta+ArrowUp", 6, "Positive text selected"),
            ("ControlOrMeta+ArrowRight", 3, "KSampler selected"),
        ):
            editor.press(key)
            expect(editor.selected).to_have_count(1)
            expect(editor.node(node)).to_have_attribute("data-selected", "")
            expect_said(editor, said)
        editor.select(4)
        editor.press("ControlOrMeta+ArrowLeft")
        expect_said(editor, "No node in this direction.")
        expect(editor.node(4)).to_have_attribute("data-selected", "")

    def test_what_is_not_in_view_is_moved_into_it(self, editor: Editor) -> None:
        editor.page.set_viewport_size({"width": 900, "height": 600})
        editor.select(4)
        for _ in range(4):
            editor.press("ControlOrMeta+ArrowRight")
        chosen = editor.page.locator("[data-class][data-selected] header")
        expect(chosen).to_be_in_viewport()

    def test_free_inputs_are_said(self, editor: Editor) -> None:
        editor.select(8)
        editor.press("Delete")
        editor.select(3)
        editor.press("ControlOrMeta+ArrowRight")
        expect_said(editor, "Save Image selected. Free inputs: images")

    def test_enter_selects_the_node_that_tab_has_reached(self, editor: Editor) -> None:
        outer = editor.page.locator(".react-flow__node[data-id='5']")
        expect(outer).to_have_attribute("aria-label", "Empty Latent Image, 5")
        outer.focus()
        editor.press("Enter")
        expect(editor.selected).to_have_count(1)
        expect(editor.node(5)).to_have_attribute("data-selected", "")


class TestConnecting:
    def test_a_free_output_with_an_input_of_another_node(self, editor: Editor) -> None:
        added = editor.add("preview image", "PreviewImage")
        before = editor.shown()
        editor.select(8)
        open_links(editor)
        assert marked(editor).startswith("Output IMAGE")
        expect(editor.output(8)).to_have_attribute("data-aimed", "")
        editor.press("Enter")
        expect(editor.page.get_by_test_id("links")).to_contain_text("IMAGE of VAE Decode with")
        expect(editor.page.get_by_test_id(f"slot-{added}-in:images")).to_have_attribute(
            "aria-selected", "true"
        )
        expect(editor.input(added, "images")).to_have_attribute("data-aimed", "")
        expect(editor.page.get_by_test_id("aimed-wire")).to_be_attached()
        editor.press("Enter")
        expect(editor.page.get_by_test_id("links")).to_be_hidden()
        expect(editor.links).to_have_count(10)
        expect(editor.input(added, "images")).to_have_attribute("data-linked", "")
        expect_said(editor, "IMAGE connected with images of Preview Image")
        expect(editor.page.get_by_test_id("aimed-wire")).not_to_be_attached()
        editor.press("ControlOrMeta+z")
        editor.expect_shown(before)

    def test_an_input_with_another_output_typed_by_name(self, editor: Editor) -> None:
        added = editor.add("empty latent", "EmptyLatentImage")
        editor.select(3)
        open_links(editor)
        editor.page.keyboard.type("latent_image")
        editor.press("Enter")
        expect(editor.page.get_by_test_id(f"slot-{added}-out:0")).to_have_attribute("aria-selected", "true")
        editor.press("Enter")
        expect(editor.links).to_have_count(9)
        expect(editor.output(added)).to_have_attribute("data-linked", "")
        expect(editor.output(5)).not_to_have_attribute("data-linked", "")

    def test_only_what_fits_is_offered(self, editor: Editor) -> None:
        editor.select(5)
        open_links(editor)
        editor.press("Enter")
        offered = editor.page.get_by_test_id("links").get_by_role("option")
        expect(offered).to_have_text(
            [re.compile("samples"), "Add a node for it…", "Disconnect from KSampler"]
        )
        editor.press("Escape")
        editor.press("Escape")
        expect(editor.page.get_by_test_id("links")).to_be_hidden()

    def test_arrow_keys_go_through_all_slots_and_around(self, editor: Editor) -> None:
        editor.select(3)
        open_links(editor)
        seen = [marked(editor).split()[1]]
        for _ in range(11):
            editor.press("ArrowDown")
            seen.append(marked(editor).split()[1])
        assert seen[:5] == ["LATENT", "model", "positive", "negative", "latent_image"]
        assert seen[5:11] == ["seed", "steps", "cfg", "sampler_name", "scheduler", "denoise"]
        assert seen[11] == "LATENT"
        editor.press("ArrowUp")
        assert marked(editor).split()[1] == "denoise"

    def test_escape_goes_back_one_step_and_changes_nothing(self, editor: Editor) -> None:
        before = editor.shown()
        editor.select(8)
        open_links(editor)
        editor.press("Enter")
        expect(editor.page.get_by_test_id("links")).to_contain_text("IMAGE of VAE Decode with")
        editor.press("Escape")
        expect(editor.page.get_by_test_id("links")).to_contain_text("Connect VAE Decode")
        expect_said(editor, "Not connected.")
        editor.press("Escape")
        expect(editor.page.get_by_test_id("links")).to_be_hidden()
        editor.expect_shown(before)
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()
        editor.press("Delete")
        expect(editor.node(8)).to_be_hidden()

    def test_a_link_is_cut(self, editor: Editor) -> None:
        editor.select(9)
        open_links(editor)
        editor.press("Enter")
        editor.press("ArrowUp")
        assert marked(editor) == "Disconnect from VAE Decode"
        editor.press("Enter")
        expect(editor.links).to_have_count(8)
        expect_said(editor, "Disconnected.")

    def test_a_new_node_is_found_for_the_slot_and_connected(self, editor: Editor) -> None:
        editor.select(8)
        open_links(editor)
        editor.press("Enter")
        editor.press("ArrowUp")
        editor.press("ArrowUp")
        assert marked(editor) == "Add a node for it…"
        editor.press("Enter")
        expect(editor.search).to_be_focused()
        expect(editor.search).to_have_attribute("placeholder", "Add a node for IMAGE")
        editor.page.keyboard.type("upscale image by")
        editor.press("Enter")
        added = editor.nodes_of("ImageScaleBy")
        expect(added).to_have_count(1)
        expect(editor.links).to_have_count(10)
        expect(editor.page.get_by_test_id("announcer")).to_have_text(re.compile("^Upscale Image By added"))

    def test_from_the_menu_of_a_node(self, editor: Editor) -> None:
        editor.node(8).click(button="right", position=TITLE)
        editor.menu.get_by_role("menuitem", name="Connect…").click()
        expect(editor.page.get_by_test_id("links-field")).to_be_focused()
        editor.page.mouse.click(*editor.empty)
        expect(editor.page.get_by_test_id("links")).to_be_hidden()

    def test_a_whole_workflow_without_the_pointer(self, editor: Editor) -> None:
        editor.press("Alt+n")
        expect(editor.page.get_by_test_id("empty-canvas")).to_be_visible()
        for text in ("empty latent image", "load checkpoint"):
            editor.press("Shift+A")
            expect(editor.search).to_be_focused()
            editor.page.keyboard.type(text)
            editor.press("Enter")
            expect(editor.search).to_be_hidden()
            editor.press("Shift+ArrowUp")
            editor.press("Shift+ArrowUp")
        open_links(editor)
        editor.page.keyboard.type("vae")
        editor.press("Enter")
        expect(editor.page.get_by_test_id("links")).to_contain_text("VAE of Load Checkpoint with")
        editor.press("Enter")
        expect(editor.search).to_be_focused()
        editor.page.keyboard.type("vae decode")
        editor.press("Enter")
        expect(editor.links).to_have_count(1)
        open_links(editor)
        editor.page.keyboard.type("samples")
        editor.press("Enter")
        expect(editor.page.get_by_test_id("links")).to_contain_text("Empty Latent Image")
        editor.press("Enter")
        expect(editor.links).to_have_count(2)
        expect_said(editor, "samples connected with LATENT of Empty Latent Image")


class TestShortcuts:
    @pytest.mark.parametrize("way", ["key", "pointer", "palette"])
    def test_the_list_opens(self, editor: Editor, way: str) -> None:
        if way == "key":
            editor.press("?")
        elif way == "pointer":
            editor.page.get_by_test_id("rail-shortcuts").click()
        else:
            editor.run_command("keyboard shortcuts")
        sheet = editor.page.get_by_test_id("shortcuts")
        expect(sheet).to_contain_text("Connecting by keys")
        expect(
            sheet.locator("div", has=editor.page.get_by_text("Next tab", exact=True)).last
        ).to_contain_text("Alt+PgDn")
        editor.page.keyboard.type("select the node")
        expect(sheet.locator("dt")).to_have_count(4)
        editor.press("Escape")
        expect(sheet).to_be_hidden()
