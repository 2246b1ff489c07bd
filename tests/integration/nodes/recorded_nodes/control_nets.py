"""Runs the recorded cases that tell a control net what kind of picture it gets."""

from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.stubs import StubControlNet
from tests.unit.nodes.recording_context import RecordingContext


def set_type(case: Case, context: RecordingContext) -> Seen:
    """The types that the net was told."""
    inputs = {"control_net": StubControlNet(), "type": case["in"]["type"]}
    (net,) = call(context, case["node"], inputs)["out"]
    return {"out": [{"control_type": list(net.types)}]}


RUNNERS: dict[tuple[str | None, str], Runner] = {(None, "SetUnionControlNetType"): set_type}
