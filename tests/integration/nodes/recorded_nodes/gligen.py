"""Runs the recorded case that puts two boxes on a text."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from app.inference.conditioning.gligen import GroundedTexts
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

BOXES = ({"width": 70, "height": 40, "x": 17, "y": 9}, {"width": 8, "height": 8, "x": 0, "y": 8})


@dataclass(frozen=True)
class _StubEncoder:
    pooled: Tensor

    def unprojected_pooled(self, text: str, embeddings: Any) -> Tensor:
        return self.pooled


def apply_twice(case: Case, context: RecordingContext) -> Seen:
    """The boxes of the only entry, as the record lists them."""
    conditioning = value(case["in"]["conditioning_to"])
    clip = _StubEncoder(value(case["in"]["pooled of the phrase (unprojected)"]))
    for box in BOXES:
        inputs = {"clip": clip, "gligen_textbox_model": None, "text": "", **box}
        (conditioning,) = call(context, case["node"], {"conditioning_to": conditioning, **inputs})["out"]
    (entry,) = conditioning
    grounded = entry.grounded_texts
    assert isinstance(grounded, GroundedTexts)
    boxes = [
        [each.pooled, each.area.height, each.area.width, each.area.y, each.area.x] for each in grounded.texts
    ]
    seen = {"cond": entry.tokens, "meta": {"gligen": ["position", "MODEL", boxes]}}
    return {"out": [[seen]]}


RUNNERS: dict[tuple[str | None, str], Runner] = {(None, "GLIGENTextBoxApply"): apply_twice}
