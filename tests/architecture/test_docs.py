"""The documentation: generated pages are up to date and complete, links lead somewhere."""

import re
from pathlib import Path

import pytest

from app.engine.node_catalog import packaged_schemas
from app.settings import Settings
from docs import write_reference
from tests.architecture import tree

REFERENCE = tree.ROOT / "docs" / "reference"
PAGES = [path for path in tree.tracked_files() if path.suffix == ".md"]


@pytest.mark.parametrize("name", sorted(write_reference.pages()))
def test_generated_page_is_up_to_date(name: str) -> None:
    assert (REFERENCE / name).read_text() == write_reference.pages()[name], "run make docs and commit"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_heading_and_a_description(name: str) -> None:
    page = (REFERENCE / "settings.md").read_text()
    assert re.search(rf"^## --{name.replace('_', '-')}\n\n.+\.$", page, re.MULTILINE)


def test_every_route_has_its_heading_and_a_sentence() -> None:
    page = (REFERENCE / "routes.md").read_text()
    headings = re.findall(r"^### .+\n\n(.*)\n", page, re.MULTILINE)
    assert len(headings) > 30
    assert [text for text in headings if not text.endswith(".")] == []


@pytest.mark.parametrize("class_type", sorted(schema.class_type for schema in packaged_schemas()))
def test_every_node_has_its_heading(class_type: str) -> None:
    assert f"\n## {class_type}\n" in (REFERENCE / "nodes.md").read_text()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(tree.ROOT)))
def test_links_between_pages_lead_to_files(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []
