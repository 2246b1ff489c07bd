"""Several workflows in tabs: each keeps its graph, undo, view and runs; closing asks, a reload keeps all."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editor import Editor, box_of
from tests.serving import Server

FIRST, IMG2IMG = "Text to image", "Image to image"
TITLES = {"txt2img": FIRST, "img2img": IMG2IMG}
RUN_MS = 90_000
CLIENT_ID = "sessionStorage.getItem('comfy-creator.client-id')"


@pytest.fixture
def editor(page: Page) -> Editor:
    opened = Editor(page)
    opened.wait_open()
    return opened


def open_template(editor: Editor, name: str) -> None:
    """Open one from the panel and close the panel again."""
    editor.page.get_by_test_id("rail-templates").click()
    editor.page.get_by_test_id(f"template-{name}").click()
    expect(editor.page.get_by_test_id("workflow-name")).to_have_text(TITLES[name])
    editor.page.get_by_test_id("rail-templates").click()


def type_text(editor: Editor, text: str) -> None:
    """Change the positive text, which makes a workflow an unsaved one."""
    editor.widget(6, "text").fill(text)
    editor.press("Escape")
    expect(editor.page.get_by_test_id("unsaved")).to_be_visible()


class TestOpening:
    def test_what_nobody_has_touched_gives_its_place_away(self, editor: Editor) -> None:
        open_template(editor, "img2img")
        editor.expect_tabs(IMG2IMG, shown=IMG2IMG)
        expect(editor.node(11)).to_be_visible()

    def test_a_changed_workflow_stays_beside_the_new_one(self, editor: Editor) -> None:
        type_text(editor, "mine")
        open_template(editor, "img2img")
        editor.expect_tabs(FIRST, IMG2IMG, shown=IMG2IMG)
        editor.tab(FIRST).click()
        expect(editor.widget(6, "text")).to_have_value("mine")

    @pytest.mark.parametrize("way", ["pointer", "keys"])
    def test_a_new_one_is_empty_and_named(self, editor: Editor, way: str) -> None:
        for _ in range(2):
            if way == "pointer":
                editor.page.get_by_test_id("new-tab").click()
            else:
                editor.press("Alt+n")
            expect(editor.page.get_by_test_id("empty-canvas")).to_be_visible()
            editor.expect_nodes(0)
        editor.expect_tabs(FIRST, "Untitled", "Untitled 2", shown="Untitled 2")

    def test_a_saved_one_is_not_opened_twice(self, editor: Editor) -> None:
        editor.press("ControlOrMeta+s")
        editor.page.get_by_role("dialog").get_by_role("textbox").fill("only once")
        editor.press("Enter")
        editor.expect_tabs("only once", shown="only once")
        editor.page.get_by_test_id("new-tab").click()
        editor.page.get_by_test_id("rail-workflows").click()
        editor.page.get_by_test_id("workflow-only once").get_by_role("button").first.click()
        editor.expect_tabs("only once", "Untitled", shown="only once")

    def test_renaming_a_saved_one_renames_its_tab(self, editor: Editor) -> None:
        editor.press("ControlOrMeta+s")
        editor.page.get_by_role("dialog").get_by_role("textbox").fill("before")
        editor.press("Enter")
        editor.expect_tabs("before", shown="before")
        editor.page.get_by_test_id("rail-workflows").click()
        editor.page.get_by_role("button", name="Rename before").click()
        editor.page.get_by_role("dialog").get_by_role("textbox").fill("after")
        editor.press("Enter")
        editor.expect_tabs("after", shown="after")


class TestSwitching:
    def test_by_pointer_and_by_keys(self, editor: Editor) -> None:
        type_text(editor, "mine")
        editor.press("Alt+n")
        editor.expect_tabs(FIRST, "Untitled", shown="Untitled")
        editor.tab(FIRST).click()
        expect(editor.node(3)).to_be_visible()
        editor.press("Alt+PageDown")
        expect(editor.node(3)).to_be_hidden()
        editor.press("Alt+PageDown")
        expect(editor.node(3)).to_be_visible()
        editor.press("Alt+PageUp")
        expect(editor.node(3)).to_be_hidden()
        editor.tab("Untitled").focus()
        editor.press("ArrowLeft")
        expect(editor.node(3)).to_be_visible()
        expect(editor.tab(FIRST)).to_be_focused()
        expect(editor.tab(FIRST)).to_have_attribute("aria-selected", "true")

    def test_each_keeps_graph_undo_and_selection(self, editor: Editor) -> None:
        editor.select(8)
        editor.press("Delete")
        editor.press("Alt+n")
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()
        added = editor.add("preview any", "PreviewAny", at=(400, 850))
        editor.press("Alt+PageUp")
        editor.expect_nodes(6)
        editor.press("ControlOrMeta+z")
        editor.expect_nodes(7)
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()
        editor.press("Alt+PageDown")
        expect(editor.node(added)).to_have_attribute("data-selected", "")
        editor.press("ControlOrMeta+z")
        editor.expect_nodes(0)

    def test_each_keeps_its_view(self, editor: Editor) -> None:
        editor.page.mouse.move(*editor.empty)
        editor.page.mouse.wheel(0, -300)
        zoom = editor.page.get_by_test_id("zoom")
        expect(zoom).not_to_have_text("100 %")
        editor.page.wait_for_timeout(400)
        shown, before = zoom.inner_text(), box_of(editor.node(5))
        editor.press("Alt+n")
        expect(editor.node(5)).to_be_hidden()
        zoom.click()
        expect(zoom).to_have_text("100 %")
        editor.press("Alt+PageUp")
        expect(zoom).to_have_text(shown)
        after = box_of(editor.node(5))
        assert after["x"] == pytest.approx(before["x"], abs=1)
        assert after["y"] == pytest.approx(before["y"], abs=1)

    def test_nodes_are_copied_from_one_to_the_other(self, editor: Editor) -> None:
        editor.select(6, 3)
        editor.press("ControlOrMeta+c")
        editor.press("Alt+n")
        expect(editor.page.get_by_test_id("empty-canvas")).to_be_visible()
        editor.page.mouse.move(850, 500)
        editor.press("ControlOrMeta+v")
        editor.expect_nodes(2)
        expect(editor.links).to_have_count(1)
        expect(editor.nodes_of("CLIPTextEncode").locator("textarea")).to_have_value(
            "a red circle on a blue background"
        )

    def test_the_search_closes(self, editor: Editor) -> None:
        type_text(editor, "mine")
        editor.press("Alt+n")
        editor.expect_tabs(FIRST, "Untitled", shown="Untitled")
        editor.press("Shift+A")
        expect(editor.search).to_be_focused()
        editor.tab(FIRST).click()
        expect(editor.search).to_be_hidden()
        expect(editor.node(3)).to_be_visible()


class TestClosing:
    def test_an_unchanged_one_goes_without_a_question(self, editor: Editor) -> None:
        editor.press("Alt+n")
        editor.close_tab("Untitled")
        editor.expect_tabs(FIRST, shown=FIRST)
        editor.tab(FIRST).click(button="middle")
        editor.expect_tabs("Untitled", shown="Untitled")
        expect(editor.page.get_by_test_id("empty-canvas")).to_be_visible()

    def test_a_changed_one_asks_and_may_stay(self, editor: Editor) -> None:
        type_text(editor, "mine")
        editor.press("Alt+n")
        editor.close_tab(FIRST)
        expect(editor.page.get_by_role("dialog")).to_contain_text(f"Save {FIRST}?")
        editor.answer("Cancel")
        editor.expect_tabs(FIRST, "Untitled", shown=FIRST)
        expect(editor.widget(6, "text")).to_have_value("mine")

    def test_a_discarded_one_can_be_opened_again(self, editor: Editor) -> None:
        type_text(editor, "mine")
        editor.press("Alt+n")
        editor.press("Alt+PageUp")
        editor.press("Alt+w")
        editor.answer("Discard changes")
        editor.expect_tabs("Untitled", shown="Untitled")
        editor.run_command("closed tab")
        editor.expect_tabs("Untitled", FIRST, shown=FIRST)
        expect(editor.widget(6, "text")).to_have_value("mine")
        expect(editor.page.get_by_test_id("unsaved")).to_be_visible()

    def test_saving_on_the_way_out(self, editor: Editor, server: Server) -> None:
        type_text(editor, "kept on the server")
        editor.tab(FIRST).focus()
        editor.press("Delete")
        editor.page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
        editor.page.get_by_role("dialog").get_by_role("textbox").fill("way out")
        editor.press("Enter")
        editor.expect_tabs("Untitled", shown="Untitled")
        assert "kept on the server" in server.client.get("/api/userdata/workflows%2Fway out.json").text

    def test_a_discarded_one_does_not_come_back_with_the_page(self, editor: Editor) -> None:
        type_text(editor, "mine")
        editor.press("Alt+n")
        editor.close_tab(FIRST)
        editor.answer("Discard changes")
        editor.expect_tabs("Untitled", shown="Untitled")
        editor.page.reload()
        editor.expect_tabs("Untitled", shown="Untitled")


class TestReload:
    def test_all_tabs_come_back_with_text_and_undo(self, editor: Editor) -> None:
        type_text(editor, "first")
        open_template(editor, "img2img")
        editor.press("Alt+n")
        editor.press("Alt+PageUp")
        editor.expect_tabs(FIRST, IMG2IMG, "Untitled", shown=IMG2IMG)
        editor.page.wait_for_timeout(500)
        editor.page.reload()
        editor.expect_tabs(FIRST, IMG2IMG, "Untitled", shown=IMG2IMG)
        expect(editor.node(11)).to_be_visible()
        editor.press("Alt+PageUp")
        expect(editor.widget(6, "text")).to_have_value("first")
        expect(editor.page.get_by_test_id("unsaved")).to_be_visible()
        editor.press("ControlOrMeta+z")
        expect(editor.widget(6, "text")).to_have_value("a red circle on a blue background")
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()
        editor.press("ControlOrMeta+Shift+z")
        expect(editor.widget(6, "text")).to_have_value("first")

    def test_a_page_that_was_closed_leaves_its_unsaved_work_to_the_next(
        self, editor: Editor, server: Server
    ) -> None:
        type_text(editor, "left behind")
        editor.press("Alt+n")
        editor.page.wait_for_timeout(500)
        following = Editor(editor.page.context.new_page())
        editor.page.close()
        following.page.goto(server.url)
        following.expect_tabs(FIRST, shown=FIRST)
        expect(following.widget(6, "text")).to_have_value("left behind")


class TestRuns:
    def test_a_run_reports_to_the_tab_it_came_from(self, editor: Editor) -> None:
        page = editor.page
        editor.type_over(editor.widget(3, "steps"), "150")
        editor.press("Enter")
        editor.press("ControlOrMeta+Enter")
        expect(editor.node(3)).to_have_attribute("data-state", "running", timeout=RUN_MS)
        open_template(editor, "txt2img")
        expect(editor.widget(3, "steps")).to_have_value("20")
        expect(editor.page.get_by_test_id("step-3")).to_be_hidden()
        running = editor.page.get_by_role("tab", name=re.compile("running"))
        expect(running).to_contain_text(FIRST)
        expect(page).to_have_title(re.compile(r"^\d+ % "))
        page.wait_for_timeout(500)  # for the new tab to be on disk
        page.reload()
        expect(running).to_have_count(1)
        expect(editor.node(3)).not_to_have_attribute("data-state", "running")
        expect(page.get_by_test_id("image-9-0")).to_be_hidden()
        running.click()
        expect(editor.node(3)).to_have_attribute("data-state", "running")
        expect(page.get_by_test_id("preview-3")).to_be_visible()
        editor.press("Alt+PageDown")
        expect(running).to_have_count(0, timeout=RUN_MS)
        expect(page.get_by_test_id("image-9-0")).to_be_hidden()
        editor.press("Alt+PageUp")
        expect(page.get_by_test_id("image-9-0")).to_be_visible()

    def test_a_duplicated_tab_leaves_the_first_its_runs(self, editor: Editor) -> None:
        page = editor.page
        with page.context.expect_page() as opened:
            # Like a duplicate, it begins with a copy of the session storage.
            page.evaluate("window.open(location.href)")
        second = Editor(opened.value)
        second.wait_drawn()
        ids = [each.page.evaluate(CLIENT_ID) for each in (editor, second)]
        assert ids[0] != ids[1]
        page.bring_to_front()
        # A number of its own: no earlier result in the executor's cache answers.
        editor.type_over(editor.widget(3, "steps"), "140")
        editor.press("Enter")
        editor.press("ControlOrMeta+Enter")
        expect(page.get_by_test_id("preview-3")).to_be_visible(timeout=RUN_MS)
        expect(page.get_by_test_id("image-9-0")).to_be_visible(timeout=RUN_MS)
        expect(second.page.get_by_test_id("image-9-0")).to_be_hidden()
        page.reload()
        expect(page.get_by_test_id("image-9-0")).to_be_visible()
        assert page.evaluate(CLIENT_ID) == ids[0]
