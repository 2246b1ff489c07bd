"""The queue in the real page: batches, the list with cancel per prompt, interrupt, history."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.serving import Server

RUN_MS = 120_000


@pytest.fixture(autouse=True)
def opened(page: Page) -> None:
    expect(page.get_by_test_id("node-3")).to_be_visible(timeout=15_000)


def set_steps(page: Page, steps: int) -> None:
    """Type a number of steps, so that a run takes long enough to be watched."""
    field = page.get_by_test_id("widget-3-steps")
    field.click()
    field.press("ControlOrMeta+a")
    field.press_sequentially(str(steps))
    field.press("Enter")


def test_batch_is_queued_listed_cancelled_and_interrupted(page: Page, server: Server) -> None:
    set_steps(page, 900)
    batch = page.get_by_test_id("batch")
    batch.click()
    batch.press("ControlOrMeta+a")
    batch.press_sequentially("3")
    batch.press("Enter")
    page.get_by_test_id("run").click()
    page.get_by_test_id("rail-queue").click()
    running = page.locator("[data-testid^='queue-item-'][data-state='running']")
    pending = page.locator("[data-testid^='queue-item-'][data-state='pending']")
    expect(running).to_have_count(1, timeout=30_000)
    expect(pending).to_have_count(2, timeout=30_000)
    seeds = {
        item[2]["3"]["inputs"]["seed"]
        for items in server.client.get("/queue").json().values()
        for item in items
    }
    assert len(seeds) == 3, "each prompt of a batch has a seed of its own"
    pending.first.get_by_role("button").click()
    expect(pending).to_have_count(1, timeout=15_000)
    page.get_by_test_id("queue-clear").click()
    expect(pending).to_have_count(0, timeout=15_000)
    page.get_by_test_id("interrupt").click()
    expect(running).to_have_count(0, timeout=30_000)
    history = page.locator("[data-testid^='history-item-']")
    expect(history.first).to_contain_text(re.compile("interrupted", re.IGNORECASE), timeout=15_000)
    assert server.client.get("/queue").json() == {"queue_running": [], "queue_pending": []}


def test_history_brings_a_workflow_back(page: Page) -> None:
    text = page.get_by_test_id("widget-6-text")
    text.fill("a black square on a yellow background")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("image-9-0")).to_be_visible(timeout=RUN_MS)
    text.fill("something else")
    page.get_by_test_id("rail-queue").click()
    page.locator("[data-testid^='history-open-']").first.click()
    expect(text).to_have_value("a black square on a yellow background", timeout=15_000)
    expect(page.get_by_test_id("image-9-0")).to_be_visible()
    page.keyboard.press("Alt+PageUp")
    expect(text).to_have_value("something else")


def test_keyboard_interrupts(page: Page) -> None:
    set_steps(page, 900)
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_test_id("node-3")).to_have_attribute("data-state", "running", timeout=60_000)
    page.keyboard.press("ControlOrMeta+Alt+Enter")
    expect(page.get_by_test_id("node-3")).not_to_have_attribute("data-state", "running", timeout=30_000)
