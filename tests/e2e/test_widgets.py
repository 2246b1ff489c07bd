"""The controls on nodes, used with pointer and keys: numbers, menus, switches, texts, seeds."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editor import Editor, box_of, centre, expect_box, id_of
from tests.serving import Server

LARGEST = "18446744073709551615"
"""Largest seed that is allowed: 64 bits, all set."""


@pytest.fixture
def editor(page: Page) -> Editor:
    opened = Editor(page)
    opened.wait_open()
    return opened


class TestNumbers:
    def test_dragging_scrubs_and_every_drag_is_one_undo_step(self, editor: Editor) -> None:
        steps = editor.widget(3, "steps")
        x, y = centre(steps)
        with editor.dragging((x, y), (x + 40, y)):
            expect(steps).to_have_value("30")
        expect(steps).to_have_value("30")
        expect(steps).not_to_be_focused()
        with editor.dragging((x, y), (x - 60, y)):
            expect(steps).to_have_value("15")
        editor.press("ControlOrMeta+z")
        expect(steps).to_have_value("30")
        editor.press("ControlOrMeta+z")
        expect(steps).to_have_value("20")
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()
        expect(editor.links).to_have_count(9)

    def test_shift_scrubs_finely_and_limits_hold(self, editor: Editor) -> None:
        cfg, denoise = editor.widget(3, "cfg"), editor.widget(3, "denoise")
        start = float(cfg.input_value())
        x, y = centre(cfg)
        editor.page.keyboard.down("Shift")
        editor.drag((x, y), (x + 20, y))
        editor.page.keyboard.up("Shift")
        expect(cfg).to_have_value(f"{start + 0.05:.2f}")
        x, y = centre(denoise)
        editor.drag((x, y), (x + 400, y))
        expect(denoise).to_have_value("1.00")
        editor.drag((x, y), (x - 600, y))
        expect(denoise).to_have_value("0.00")

    def test_sums_are_worked_out_and_limits_hold(self, editor: Editor) -> None:
        width = editor.widget(5, "width")
        for typed, shown in (
            ("512*1.5", "768"),
            ("2**9 + 64", "576"),
            ("(100 + 28) * 4", "512"),
            ("0", "16"),
            ("999999", "16384"),
        ):
            editor.type_over(width, typed)
            expect(width).to_have_value(typed)
            editor.press("Enter")
            expect(width).to_have_value(shown)

    def test_nonsense_and_escape_leave_the_value(self, editor: Editor) -> None:
        height = editor.widget(5, "height")
        editor.type_over(height, "tall")
        editor.press("Enter")
        expect(height).to_have_value("128")
        editor.type_over(height, "640")
        editor.press("Escape")
        expect(height).to_have_value("128")
        expect(height).not_to_be_focused()
        expect(editor.page.get_by_test_id("undo")).to_be_disabled()

    def test_arrow_keys_step(self, editor: Editor) -> None:
        cfg, steps = editor.widget(3, "cfg"), editor.widget(3, "steps")
        steps.click()
        editor.press("ArrowUp")
        expect(steps).to_have_value("21")
        editor.press("ControlOrMeta+ArrowUp")
        expect(steps).to_have_value("31")
        editor.press("ArrowDown")
        expect(steps).to_have_value("30")
        start = float(cfg.input_value())
        cfg.click()
        editor.press("ArrowDown")
        expect(cfg).to_have_value(f"{start - 0.1:.1f}")
        editor.press("Shift+ArrowUp")
        expect(cfg).to_have_value(f"{start - 0.09:.2f}")

    def test_typing_a_number_runs_no_command(self, editor: Editor) -> None:
        editor.select(5)
        width = editor.widget(5, "width")
        editor.type_over(width, "64")
        editor.press("Backspace")
        editor.press("Delete")
        editor.press("Enter")
        expect(width).to_have_value("16")
        editor.expect_nodes(7)


class TestSeeds:
    def test_all_64_bits_survive_typing_copying_and_undo(self, editor: Editor) -> None:
        seed = editor.widget(3, "seed")
        first = seed.input_value()
        editor.type_over(seed, LARGEST)
        editor.press("Enter")
        expect(seed).to_have_value(LARGEST)
        seed.click()
        editor.press("ArrowDown")
        expect(seed).to_have_value("18446744073709551614")
        editor.press("ArrowUp")
        editor.press("ArrowUp")
        expect(seed).to_have_value(LARGEST)
        editor.press("Enter")
        editor.select(3)
        editor.press("ControlOrMeta+d")
        expect(editor.nodes_of("KSampler")).to_have_count(2)
        expect(editor.widget(id_of(editor.selected), "seed")).to_have_value(LARGEST)
        editor.press("Delete")
        editor.press("ControlOrMeta+z")
        editor.press("ControlOrMeta+z")
        editor.press("ControlOrMeta+z")
        expect(editor.nodes_of("KSampler")).to_have_count(1)
        editor.press("ControlOrMeta+z")
        expect(seed).to_have_value(first)

    def test_a_drag_does_not_destroy_a_seed(self, editor: Editor) -> None:
        seed = editor.widget(3, "seed")
        first = seed.input_value()
        x, y = centre(seed)
        editor.drag((x, y), (x + 60, y))
        expect(seed).to_have_value(first)

    def test_what_happens_after_a_run_is_chosen_from_a_menu(self, editor: Editor) -> None:
        control = editor.widget(3, "seed/control")
        expect(control).to_contain_text("Randomize")
        control.click()
        expect(control).to_have_attribute("aria-expanded", "true")
        options = editor.page.get_by_role("option")
        expect(options).to_contain_text(["Fixed", "Increase", "Decrease", "Randomize"])
        options.filter(has_text="Increase").click()
        expect(control).to_contain_text("Increase")
        expect(control).to_be_focused()
        editor.press("Enter")
        expect(options.first).to_be_visible()
        editor.press("ArrowUp")
        editor.press("Enter")
        expect(control).to_contain_text("Fixed")
        editor.press("ControlOrMeta+z")
        expect(control).to_contain_text("Increase")


class TestChoices:
    def test_a_long_menu_is_filtered_by_typing(self, editor: Editor) -> None:
        scheduler = editor.widget(3, "scheduler")
        scheduler.click()
        options = editor.page.get_by_role("option")
        expect(options.filter(has_text="karras")).to_be_visible()
        editor.press("Escape")
        expect(options).to_have_count(0)
        expect(scheduler).to_be_focused()
        sampler = editor.widget(3, "sampler_name")
        sampler.click()
        expect(options.filter(has_text="uni_pc").first).to_be_visible()
        expect(editor.page.get_by_placeholder("Filter")).to_be_focused()
        editor.page.keyboard.type("dpmpp_2m")
        expect(options.first).to_have_text("dpmpp_2m")
        editor.press("Enter")
        expect(sampler).to_have_text("dpmpp_2m")
        editor.press("ArrowUp")
        expect(sampler).not_to_have_text("dpmpp_2m")
        editor.press("ArrowDown")
        expect(sampler).to_have_text("dpmpp_2m")

    def test_a_press_elsewhere_closes_the_menu(self, editor: Editor) -> None:
        editor.widget(3, "scheduler").click()
        expect(editor.page.get_by_role("option").first).to_be_visible()
        editor.focus_canvas()
        expect(editor.page.get_by_role("option")).to_have_count(0)
        expect(editor.widget(3, "scheduler")).to_have_text("normal")

    def test_the_checkpoints_of_the_server_are_offered(self, editor: Editor) -> None:
        editor.widget(4, "ckpt_name").click()
        expect(editor.page.get_by_role("option", name="comfy-creator-demo.safetensors")).to_be_visible()

    def test_a_model_that_came_meanwhile_is_offered_without_a_reload(
        self, editor: Editor, server: Server
    ) -> None:
        folder = server.base / "models" / "checkpoints"
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / "a-model-that-came.safetensors"
        new.write_bytes(b"")
        menu = editor.widget(4, "ckpt_name")
        try:
            menu.click()
            editor.page.get_by_role("option", name=new.name).click()
            expect(menu).to_have_text(new.name)
            expect(menu).to_have_attribute("aria-invalid", "false")
        finally:
            new.unlink()
        menu.click()
        expect(editor.page.get_by_role("option", name="comfy-creator-demo.safetensors")).to_be_visible()
        expect(editor.page.get_by_role("option", name=new.name)).to_be_hidden()
        expect(menu).to_have_attribute("aria-invalid", "true")


class TestSwitches:
    def test_pointer_and_keys_turn_it(self, editor: Editor) -> None:
        added = editor.add("primitive boolean", "PrimitiveBoolean")
        switch = editor.widget(added, "value")
        expect(switch).to_have_attribute("aria-checked", "false")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "true")
        editor.press("Space")
        expect(switch).to_have_attribute("aria-checked", "false")
        expect(editor.search).to_be_hidden()
        editor.press("Enter")
        expect(switch).to_have_attribute("aria-checked", "true")
        editor.press("ControlOrMeta+z")
        expect(switch).to_have_attribute("aria-checked", "false")


class TestTexts:
    def test_working_in_a_text_leaves_the_graph_alone(self, editor: Editor) -> None:
        text = editor.widget(6, "text")
        editor.type_over(text, "\n".join(f"line {line}" for line in range(40)))
        before, zoom = box_of(editor.node(6)), editor.page.get_by_test_id("zoom").inner_text()
        x, y = centre(text)
        editor.drag((x, y), (x + 60, y + 30))
        editor.page.mouse.wheel(0, -2000)
        expect(text).to_have_js_property("scrollTop", 0)
        editor.page.mouse.wheel(0, 200)
        expect(text).not_to_have_js_property("scrollTop", 0)
        editor.page.mouse.wheel(0, 4000)
        editor.page.mouse.wheel(0, 4000)
        expect(editor.page.get_by_test_id("zoom")).to_have_text(zoom)
        expect_box(editor.node(6), near=0.5, x=before["x"], y=before["y"])

    def test_one_line_texts_end_with_enter(self, editor: Editor) -> None:
        prefix = editor.widget(9, "filename_prefix")
        editor.type_over(prefix, "stars/night")
        editor.press("Enter")
        expect(prefix).not_to_be_focused()
        expect(prefix).to_have_value("stars/night")
        editor.press("ControlOrMeta+z")
        expect(prefix).to_have_value("ComfyUI")


class TestLinkedWidgets:
    def test_a_number_fed_by_a_wire_cannot_be_typed_until_the_wire_is_gone(self, editor: Editor) -> None:
        added = editor.add("primitive int", "PrimitiveInt", editor.below(3, -380))
        steps = editor.widget(3, "steps")
        expect(editor.input(3, "steps")).to_have_css("opacity", "0")
        editor.connect(editor.output(added), editor.input(3, "steps"))
        expect(editor.input(3, "steps")).to_have_attribute("data-linked", "")
        expect(editor.input(3, "steps")).to_have_css("opacity", "1")
        expect(steps).not_to_be_editable()
        x, y = centre(steps)
        editor.drag((x, y), (x + 60, y))
        expect(steps).to_have_value("20")
        editor.drag(centre(editor.input(3, "steps")), editor.below(3, 200))
        expect(editor.links).to_have_count(9)
        expect(steps).to_be_editable()
        editor.type_over(steps, "12")
        editor.press("Enter")
        expect(steps).to_have_value("12")

    def test_a_text_fed_by_a_wire(self, editor: Editor) -> None:
        added = editor.add("primitive string", "PrimitiveString", editor.below(4, 20))
        editor.connect(editor.output(added), editor.input(6, "text"))
        expect(editor.widget(6, "text")).not_to_be_editable()
        expect(editor.links).to_have_count(10)
        editor.press("ControlOrMeta+z")
        expect(editor.widget(6, "text")).to_be_editable()

    def test_a_float_does_not_feed_a_menu(self, editor: Editor) -> None:
        added = editor.add("primitive float", "PrimitiveFloat", editor.below(3, -380))
        editor.connect(editor.output(added), editor.input(3, "sampler_name"))
        editor.expect_refusal("takes COMBO, and this output gives FLOAT")
        expect(editor.links).to_have_count(9)


def test_a_decimal_comma_is_understood(editor: Editor) -> None:
    cfg = editor.widget(3, "cfg")
    editor.type_over(cfg, "3,5")
    editor.press("Enter")
    expect(cfg).to_have_value("3.5")
