"""The editor with 1,000 nodes: time until a dropped file is drawn, frames while panning; for `make bench`.

The file is dropped on the product's own page in the system's Chromium, without a GPU.
"""

import json
import shutil
import statistics
import sys
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.tools.figures import show
from benchmarks.tools.server import Server

REPEATS = 3
COLUMNS, ROWS = 40, 25
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
SAMPLER_VALUES = [5, "fixed", 20, 8, "euler", "normal", 1]

DROP = """
([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, { type: "application/json" }));
  const target = document.querySelector(".react-flow__pane") ?? document.body;
  const at = target.getBoundingClientRect();
  window.__dropped = performance.now();
  for (const type of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(type, {
      bubbles: true, cancelable: true, dataTransfer: transfer,
      clientX: at.x + at.width / 2, clientY: at.y + at.height / 2,
    }));
  }
}
"""
RECORD_FRAMES = """
() => {
  window.__frames = [];
  let last = performance.now();
  const tick = (now) => {
    window.__frames.push(now - last);
    last = now;
    window.__tick = requestAnimationFrame(tick);
  };
  window.__tick = requestAnimationFrame(tick);
}
"""
STOP_FRAMES = "() => { cancelAnimationFrame(window.__tick); return window.__frames.slice(1); }"
SETTLED = """
() => new Promise((resolve) =>
  requestAnimationFrame(() =>
    requestAnimationFrame(() => resolve(performance.now() - window.__dropped))))
"""


def workflow() -> dict[str, Any]:
    """1,000 samplers in a grid, linked along the rows."""
    nodes: list[dict[str, Any]] = []
    links: list[list[Any]] = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            number = row * COLUMNS + column + 1
            incoming = len(links) if column else None
            outgoing = len(links) + 1 if column < COLUMNS - 1 else None
            names = (
                ("model", "MODEL"),
                ("positive", "CONDITIONING"),
                ("negative", "CONDITIONING"),
                ("latent_image", "LATENT"),
            )
            inputs = [{"name": name, "type": kind, "link": None} for name, kind in names]
            inputs[3]["link"] = incoming
            nodes.append(
                {
                    "id": number,
                    "type": "KSampler",
                    "pos": [column * 380, row * 360],
                    "size": [300, 290],
                    "flags": {},
                    "order": number,
                    "mode": 0,
                    "inputs": inputs,
                    "outputs": [
                        {"name": "LATENT", "type": "LATENT", "links": [outgoing] if outgoing else []}
                    ],
                    "properties": {},
                    "widgets_values": SAMPLER_VALUES,
                }
            )
            if outgoing:
                links.append([outgoing, number, 0, number + 1, 3, "LATENT"])
    return {
        "last_node_id": len(nodes),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": links,
        "groups": [],
        "config": {},
        "extra": {"ds": {"scale": 1, "offset": [0, 0]}},
        "version": 0.4,
    }


def measure(page: Page, url: str, text: str) -> tuple[float, list[float], int]:
    """Milliseconds until the dropped graph is drawn, frame times of two seconds of panning, DOM elements."""
    page.goto(url)
    page.wait_for_selector("[data-testid^='node-']")
    page.evaluate(DROP, ["thousand.json", text])
    page.wait_for_selector("[data-testid='node-1']")
    page.wait_for_function("() => document.querySelectorAll('.react-flow__edge').length > 5")
    ready = float(page.evaluate(SETTLED))
    page.evaluate(RECORD_FRAMES)
    page.mouse.move(900, 500)
    page.mouse.down(button="middle")
    for step in range(60):
        page.mouse.move(900 - step * 12, 500 - step * 5)
        page.wait_for_timeout(30)
    page.mouse.up(button="middle")
    frames = [float(frame) for frame in page.evaluate(STOP_FRAMES)]
    elements = int(page.evaluate("() => document.querySelectorAll('*').length"))
    return ready, frames, elements


def main() -> None:
    """Print the medians of three runs."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium found; install the package `chromium` to measure the editor")
    text = json.dumps(workflow())
    ready: list[float] = []
    p95: list[float] = []
    rate: list[float] = []
    elements = 0
    with Server("--cpu") as server, sync_playwright() as playwright:
        server.wait_for_answer("/healthz")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for _ in range(REPEATS):
            page = browser.new_page(viewport={"width": 1600, "height": 900})
            shown, frames, elements = measure(page, f"http://127.0.0.1:{server.port}/", text)
            ready.append(shown / 1000)
            p95.append(statistics.quantiles(frames, n=20)[-1])
            rate.append(1000 / statistics.fmean(frames))
            page.context.close()
        browser.close()
    show("1,000 nodes: dropped file to drawn", statistics.median(ready), "s", at_most=2.5)
    show("1,000 nodes: p95 frame while panning at zoom 1", statistics.median(p95), "ms", at_most=33)
    show("1,000 nodes: frames per second while panning", statistics.median(rate), "1/s", at_least=55)
    show("1,000 nodes: elements in the page", elements, "")


if __name__ == "__main__":
    main()
