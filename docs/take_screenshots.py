"""Takes the pictures of the editor that README and docs show: `python -m docs.take_screenshots`.

Starts a server in a temporary folder, runs the default workflow in the system's Chromium, once per theme.
"""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect, sync_playwright

from tests.serving import serving

FOLDER = Path(__file__).parent
THEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
RUN_MS = 120_000


def main() -> None:
    """Write screenshot-dark.png and screenshot-light.png."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium found; install the package `chromium` to take screenshots")
    with (
        tempfile.TemporaryDirectory() as base,
        serving(Path(base)) as server,
        sync_playwright() as playwright,
    ):
        server.wait_ready()
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for theme in THEMES:
            take(browser, server.url, theme)
        browser.close()


def take(browser: Browser, url: str, theme: Literal["dark", "light"]) -> None:
    """One picture: the default workflow after a run, with the gallery open."""
    context = browser.new_context(viewport={"width": 1600, "height": 900}, color_scheme=theme)
    page = context.new_page()
    page.goto(url)
    expect(page.get_by_test_id("node-3")).to_be_visible(timeout=30_000)
    page.get_by_test_id("widget-6-text").fill("a yellow star on a purple background")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("image-9-0")).to_be_visible(timeout=RUN_MS)
    page.wait_for_load_state("networkidle")
    page.mouse.move(800, 860)
    page.screenshot(path=FOLDER / f"screenshot-{theme}.png")
    context.close()


if __name__ == "__main__":
    main()
