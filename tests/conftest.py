"""Fixtures that tests of more than one room use; heavy modules are imported when a test asks."""

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.golden_models import GoldenModels
    from tests.recorded_pipelines import PipelineRunner


ON_ONE_WORKER = (
    "tests/integration/durability/",
    "tests/integration/nodes/test_model_inputs_matter.py",
    "tests/integration/nodes/test_refused_graphs.py",
    "tests/integration/pictures/test_model_graphs.py",
    "tests/integration/server/test_commands.py",
)
"""Folders and files whose tests share a server, or what takes long to prepare."""


class Sharing(LoadScopeScheduling):
    """Hands out tests one by one, but those of one entry of ON_ONE_WORKER together.

    Not by the marks of pytest-xdist: they have no effect with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((each for each in ON_ONE_WORKER if nodeid.startswith(each)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> Sharing:
    """Called by pytest-xdist when there are several workers."""
    return Sharing(config, log)


@pytest.fixture(scope="session")
def golden_models(tmp_path_factory: pytest.TempPathFactory) -> "GoldenModels":
    """A folder with the models of the recorded pipelines, each written when it is first asked for."""
    from tests.golden_models import GoldenModels

    return GoldenModels(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="session")
def pipelines(golden_models: "GoldenModels") -> "PipelineRunner":
    """Runs recorded prompts on those models."""
    from tests.recorded_pipelines import PipelineRunner

    return PipelineRunner(golden_models)
