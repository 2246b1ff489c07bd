"""What a person does and sees in the editor, in words: a page object for the browser tests."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, Position, expect

LIMIT_MS = 15_000
"""How long the page may take for anything that needs no run, in milliseconds; the machine may be busy."""

OPEN_MS = 60_000
"""How long the page may take to open, in milliseconds."""

TITLE: Position = {"x": 60, "y": 14}
"""Place on a node's title bar: clicking there selects, dragging there moves."""

Spot = tuple[float, float]
"""A place on the screen, in CSS pixels."""

SHOWN = """
() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const written = (control) => control.value || (control.getAttribute("aria-checked") ?? control.textContent);
  const nodes = all(".react-flow__node").map((outer) => {
    const node = outer.querySelector("[data-class]");
    return [outer.dataset.id, {
      class: node.dataset.class,
      title: node.querySelector("header")?.innerText.trim() ?? "",
      place: outer.style.transform,
      mode: node.dataset.mode ?? "always",
      collapsed: node.dataset.collapsed === "",
      values: Object.fromEntries(
        all("[data-testid^='widget-']", node).map((control) => [control.dataset.testid, written(control)]),
      ),
    }];
  });
  const links = all(".react-flow__edge").map((edge) => [edge.dataset.id, edge.getAttribute("aria-label")]);
  return { nodes: Object.fromEntries(nodes), links: Object.fromEntries(links) };
}
"""

DROP = """
([name, type, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
  const target = document.querySelector(".react-flow__pane");
  const at = target.getBoundingClientRect();
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, {
      bubbles: true, cancelable: true, dataTransfer: transfer,
      clientX: at.x + at.width - 60, clientY: at.y + at.height - 60,
    }));
  }
}
"""


class Editor:
    """The open page, driven by pointer and keys alone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.set_default_timeout(LIMIT_MS)
        expect.set_options(timeout=LIMIT_MS)

    def wait_drawn(self) -> None:
        """Wait until the default workflow stands there."""
        expect(self.node(3)).to_be_visible(timeout=OPEN_MS)

    def wait_open(self) -> None:
        """Wait until the default workflow stands there, and look at it at full size with room below it."""
        self.page.set_viewport_size({"width": 1700, "height": 1000})
        self.wait_drawn()
        expect(self.links).to_have_count(9)
        self.page.get_by_test_id("zoom").click()
        expect(self.page.get_by_test_id("zoom")).to_have_text("100 %")
        expect(self.node(9)).to_be_visible()
        expect(self.links).to_have_count(9)

    def node(self, node: int | str) -> Locator:
        """The box of a node."""
        return self.page.get_by_test_id(f"node-{node}")

    def nodes_of(self, node_class: str) -> Locator:
        """All nodes of a class that are drawn."""
        return self.page.locator(f"[data-class='{node_class}']")

    def input(self, node: int | str, name: str) -> Locator:
        """The pin of an input."""
        return self.page.get_by_test_id(f"in-{node}-{name}")

    def output(self, node: int | str, index: int = 0) -> Locator:
        """The pin of an output."""
        return self.page.get_by_test_id(f"out-{node}-{index}")

    def widget(self, node: int | str, name: str) -> Locator:
        """The control of a widget."""
        return self.page.get_by_test_id(f"widget-{node}-{name}")

    def link(self, link: int) -> Locator:
        """A wire."""
        return self.page.get_by_test_id(f"link-{link}")

    @property
    def links(self) -> Locator:
        """All wires that are drawn."""
        return self.page.locator("[data-testid^='link-']")

    @property
    def selected(self) -> Locator:
        """The nodes that are drawn as selected."""
        return self.page.locator("[data-class][data-selected]")

    @property
    def search(self) -> Locator:
        """The field of the add-node search."""
        return self.page.get_by_test_id("search-field")

    @property
    def menu(self) -> Locator:
        """The right-click menu."""
        return self.page.get_by_test_id("canvas-menu")

    def tab(self, name: str) -> Locator:
        """The tab of an open workflow, by the name that it shows."""
        return self.page.get_by_role("tab", name=re.compile(rf"^{re.escape(name)}(,|$)"))

    def expect_tabs(self, *names: str, shown: str) -> None:
        """Wait until exactly these workflows are open, in this order, and one of them is shown."""
        expect(self.page.get_by_role("tab").locator(".tab-name")).to_have_text(list(names))
        expect(self.page.get_by_test_id("workflow-name")).to_have_text(shown)

    def close_tab(self, name: str) -> None:
        """Click the cross of a tab."""
        self.tab(name).hover()
        self.tab(name).locator(".tab-close").click()

    def answer(self, label: str) -> None:
        """Press a button of the open question."""
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=label, exact=True).click()
        expect(dialog).to_be_hidden()

    def expect_nodes(self, count: int) -> None:
        """Wait until the status line counts so many nodes."""
        noun = "node" if count == 1 else "nodes"
        expect(self.page.get_by_test_id("node-count")).to_have_text(re.compile(rf"^{count} {noun}\b"))

    def expect_refusal(self, reason: str | re.Pattern[str]) -> None:
        """Wait for a passing note that says so."""
        expect(self.page.locator("[data-sonner-toast]").filter(has_text=reason).first).to_be_visible()

    def shown(self) -> dict[str, Any]:
        """What the page draws: nodes with class, title, place, mode and values; wires with their ends."""
        return self.page.evaluate(SHOWN)

    def expect_shown(self, wanted: dict[str, Any]) -> None:
        """Wait until the page draws exactly this."""
        try:
            self.page.wait_for_function(
                f"(wanted) => JSON.stringify(({SHOWN})()) === JSON.stringify(wanted)", arg=wanted
            )
        except Exception:
            assert self.shown() == wanted
            raise

    @property
    def empty(self) -> Spot:
        """A place on empty canvas under the node in the middle of the default workflow."""
        return self.below(5)

    def below(self, node: int | str, dx: float = 0) -> Spot:
        """A place on empty canvas under the default workflow, `dx` right of a node's left edge."""
        lowest = box_of(self.node(5))
        return box_of(self.node(node))["x"] + dx, lowest["y"] + lowest["height"] + 50

    def focus_canvas(self) -> None:
        """Click empty canvas: nothing is selected and the keys are the graph's."""
        self.page.mouse.click(*self.empty)

    def press(self, keys: str) -> None:
        """Press keys where the focus is."""
        self.page.keyboard.press(keys)

    def run_command(self, text: str) -> None:
        """Type a part of a command's title into the palette and take what comes first."""
        self.press("ControlOrMeta+k")
        palette = self.page.get_by_test_id("palette")
        expect(palette.get_by_role("combobox")).to_be_focused()
        self.page.keyboard.type(text)
        self.press("Enter")
        expect(palette).to_be_hidden()

    def select(self, *nodes: int | str) -> None:
        """Click the titles of nodes, the second and further ones with Shift held."""
        for at, node in enumerate(nodes):
            self.node(node).click(position=TITLE, modifiers=["Shift"] if at else [])
        expect(self.selected).to_have_count(len(nodes))

    def drag(self, start: Spot, end: Spot, *, button: str = "left", steps: int = 8) -> None:
        """Press at one place, move to another, let go."""
        with self.dragging(start, end, button=button, steps=steps):
            pass

    @contextmanager
    def dragging(self, start: Spot, end: Spot, *, button: str = "left", steps: int = 8) -> Iterator[None]:
        """Like `drag`, with time to look around before the button is let go."""
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down(button=button)  # pyright: ignore[reportArgumentType]  a literal of three names
        mouse.move(start[0] + 3, start[1])  # far enough to be a drag; only from here on things follow
        mouse.move(*end, steps=steps)
        yield
        mouse.up(button=button)  # pyright: ignore[reportArgumentType]

    def connect(self, start: Locator, end: Locator) -> None:
        """Drag a wire from one pin to another."""
        self.drag(centre(start), centre(end))

    def type_over(self, field: Locator, text: str) -> None:
        """Replace a field's text as a person does: click, select all, type."""
        field.click()
        field.press("ControlOrMeta+a")
        field.press_sequentially(text)

    def add(self, text: str, node_class: str, at: Spot | None = None) -> str:
        """Add a node by double-click and search; the new node's id."""
        self.page.mouse.dblclick(*(at or self.empty))
        self.search.fill(text)
        self.page.get_by_test_id(f"search-item-{node_class}").click()
        expect(self.search).to_be_hidden()
        expect(self.selected).to_have_count(1)
        expect(self.selected).to_have_attribute("data-class", node_class)
        return id_of(self.selected)


def box_of(target: Locator) -> Any:
    """Where a thing is on the screen: x, y, width, height in CSS pixels."""
    box = target.bounding_box()
    assert box is not None, f"{target} is not drawn"
    return box


def expect_box(target: Locator, near: float = 4, **wanted: float) -> None:
    """Wait until a thing has this place and size on the screen, give or take some pixels."""
    target.page.wait_for_function(
        "([id, wanted, near]) => {"
        " const found = document.querySelector(`[data-testid='${id}']`)?.getBoundingClientRect();"
        " return found"
        " && Object.entries(wanted).every(([key, value]) => Math.abs(found[key] - value) <= near); }",
        arg=[target.get_attribute("data-testid"), wanted, near],
    )


def centre(target: Locator) -> Spot:
    """The middle of a thing on the screen."""
    box = box_of(target)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def id_of(node: Locator) -> str:
    """The id of a drawn node."""
    return (node.get_attribute("data-testid") or "").removeprefix("node-")


def drop(page: Page, name: str, content: bytes, kind: str) -> None:
    """Drop a file on the canvas."""
    page.evaluate(DROP, [name, kind, list(content)])
