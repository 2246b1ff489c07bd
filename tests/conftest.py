"""Fixtures that tests of more than one room use; heavy modules are imported when a test asks."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.golden_models import GoldenModels
    from tests.recorded_pipelines import PipelineRunner


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
