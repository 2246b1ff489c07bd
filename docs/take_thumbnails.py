"""Makes the small pictures of the templates from what they make: `python -m docs.take_thumbnails`.

Starts a server in a temporary folder, runs every template in the system's Chromium, and writes
static/templates/NAME.webp. A template that begins with a picture shows it beside what becomes of it.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Locator, Page, expect, sync_playwright

from docs.take_screenshots import FLAGS
from tests.serving import serving

FOLDER = Path(__file__).parents[1] / "static" / "templates"
SIZE = (320, 180)
QUALITY = 70
RUN_MS = 120_000


def main() -> None:
    """Write one picture per template."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium found; install the package `chromium` to make the pictures")
    with (
        tempfile.TemporaryDirectory() as base,
        serving(Path(base)) as server,
        sync_playwright() as playwright,
    ):
        server.wait_ready()
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for file in sorted(FOLDER.glob("*.json")):
            page = browser.new_page(viewport={"width": 2400, "height": 1400})
            page.goto(server.url)
            picture(page, file.stem).save(FOLDER / f"{file.stem}.webp", quality=QUALITY, method=6)
            page.close()
        browser.close()


def picture(page: Page, name: str) -> Image.Image:
    """Run a template and show what it made."""
    expect(page.get_by_test_id("node-3")).to_be_visible(timeout=60_000)
    page.get_by_test_id("rail-templates").click()
    page.get_by_test_id(f"template-{name}").click()
    page.get_by_test_id("run").click()
    saved = page.locator("[data-class='SaveImage'] img")
    expect(saved).to_be_visible(timeout=RUN_MS)
    loaded = page.locator("[data-class='LoadImage'] img")
    if loaded.count() == 0:
        return framed(fetch(page, saved), SIZE)
    half = (SIZE[0] // 2 - 1, SIZE[1])
    both = Image.new("RGB", SIZE, "white")
    both.paste(framed(fetch(page, loaded), half), (0, 0))
    both.paste(framed(fetch(page, saved), half), (SIZE[0] - half[0], 0))
    return both


def fetch(page: Page, shown: Locator) -> Image.Image:
    """The full picture behind one on the page."""
    answer = page.request.get(str(shown.first.evaluate("element => element.src")))
    return Image.open(io.BytesIO(answer.body())).convert("RGB")


def framed(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The whole picture in a box of that size; the colour of its corner fills what is left."""
    return ImageOps.pad(image, size, Image.Resampling.LANCZOS, color=image.getpixel((2, 2)))  # pyright: ignore[reportArgumentType]  a colour of an RGB picture


if __name__ == "__main__":
    main()
