"""Every recorded case of ComfyUI's nodes, input for input and number for number.

A node takes part as soon as its class is registered. `recorded_nodes/not_yet.py` lists what does not run.
"""

from pathlib import Path

import pytest
import torch

from tests.integration.nodes.recorded_nodes import not_yet
from tests.integration.nodes.recorded_nodes.calls import NODES
from tests.integration.nodes.recorded_nodes.cases import Case, all_cases, case_name, kind
from tests.integration.nodes.recorded_nodes.compare import assert_matches, tolerance
from tests.integration.nodes.recorded_nodes.runners import runner_of
from tests.unit.nodes.recording_context import RecordingContext

ABOUT = {"node", "case", "in", "fixture", "note", "attention"}  # keys that are no results

RUNNING = [case for case in all_cases() if case["node"] in NODES and kind(case) not in not_yet.FIXTURES]
REPAIRED = [case for case in RUNNING if (case["node"], case["case"]) in not_yet.REPAIRED]
FAILING = [case for case in RUNNING if "error" in case and case not in REPAIRED]
WORKING = [case for case in RUNNING if "error" not in case and case not in REPAIRED]


@pytest.fixture
def context(tmp_path: Path) -> RecordingContext:
    return RecordingContext(tmp_path)


@pytest.mark.parametrize("case", WORKING, ids=case_name)
def test_node_gives_what_was_recorded(context: RecordingContext, case: Case) -> None:
    runner = runner_of(case)
    assert runner is not None
    torch.manual_seed(case["in"].get("global_seed", 0))

    with torch.inference_mode():
        seen = runner(case, context)

    results = set(case) - ABOUT
    assert results
    for name in results:
        assert_matches(seen[name], case[name], tolerance(case), name)


@pytest.mark.parametrize("case", FAILING, ids=case_name)
def test_node_refuses_what_was_refused_by_a_typed_error(context: RecordingContext, case: Case) -> None:
    runner = runner_of(case)
    assert runner is not None

    with pytest.raises(Exception) as caught:  # noqa: PT011  any class of ours; checked below
        runner(case, context)

    assert type(caught.value).__module__.startswith("app."), repr(caught.value)
    assert getattr(caught.value, "code", None), repr(caught.value)
    assert str(caught.value).endswith((".", ")")), str(caught.value)


def test_nodes_work_where_a_defect_was_recorded(context: RecordingContext) -> None:
    for case in REPAIRED:
        runner = runner_of(case)
        assert runner is not None, case_name(case)
        assert runner(case, context)["out"], case_name(case)


def test_every_recorded_class_runs_or_is_listed_as_missing() -> None:
    recorded = {case["node"] for case in all_cases()}

    assert recorded - set(NODES) == not_yet.NODES


def test_every_recorded_fixture_runs_or_is_listed_as_missing() -> None:
    without = {kind(case) for case in all_cases() if case["node"] in NODES and runner_of(case) is None}

    assert without == not_yet.FIXTURES


def test_every_repaired_defect_is_recorded_and_runs() -> None:
    assert {(case["node"], case["case"]) for case in REPAIRED} == set(not_yet.REPAIRED)
