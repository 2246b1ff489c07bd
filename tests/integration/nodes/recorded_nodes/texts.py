"""Runs the recorded cases of text nodes: real text encoders whose towers cut texts into short chunks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from app.inference.models.text_encoder import TextEncoder
from app.inference.text.chunks import Chunk
from app.inference.text.encode import TowerStates
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.values import SIZES, value
from tests.unit.nodes.recording_context import RecordingContext

STATES = value({"$": "tokens", "shape": [1, 2, 3], "k": 2})
POOLED = value({"$": "pooled", "shape": [1, 3], "k": 4})
LENGTH = 3


@dataclass(frozen=True, kw_only=True)
class StubTower:
    """Remembers the chunks that it is handed, as the record writes them, and gives the same for all."""

    name: str
    tokens: Tensor = STATES
    handed: list[str] = field(default_factory=list)
    pad: int = 0

    @property
    def role(self) -> str:
        return f"clip_{self.name}"

    def chunks(self, text: str, embeddings: Any) -> list[Any]:
        pieces = [text[start : start + LENGTH] for start in range(0, len(text), LENGTH)]
        return [*pieces] or [""]

    def states(self, chunks: Sequence[str | Chunk], layer: int | None) -> TowerStates:
        texts = ("" if isinstance(each, Chunk) else each for each in chunks)
        self.handed.extend(f"{self.name}:{text}" for text in texts)
        return TowerStates(tokens=self.tokens, pooled=POOLED, projected=POOLED)


class WholeTextTower(StubTower):
    """The record's third tower, of a kind that no model of these families has: one chunk for any text.

    What its chunk is filled up with belongs to no record.
    """

    @property
    def role(self) -> str:
        return "t5xxl"

    def chunks(self, text: str, embeddings: Any) -> list[Any]:
        return [text]

    def states(self, chunks: Sequence[str | Chunk], layer: int | None) -> TowerStates:
        return super().states(chunks[:1], layer)


def encoder() -> TextEncoder:
    """A text encoder with the record's three towers, the last of which gives no states of its own."""
    towers: Any = (
        StubTower(name="l"),
        StubTower(name="g"),
        WholeTextTower(name="t5", tokens=torch.zeros(1, 2, 0)),
    )
    return TextEncoder(towers=towers)


def encoded(case: Case, context: RecordingContext) -> Seen:
    """What the towers are handed, and what the entry holds beside the text."""
    clip = encoder()
    ((entry,),) = call(context, case["node"], {**case["in"], "clip": clip})["out"]
    recorded = case["out"][0]
    handed = {each.role.removeprefix("clip_"): each.handed for each in _stubs(clip)}
    beside = {} if entry.size is None else {name: getattr(entry.size, name) for name in SIZES}
    unused = {name: each for name, each in beside.items() if name not in recorded["add"]}
    assert all(each in (None, 0) for each in unused.values()), unused
    beside = {name: each for name, each in beside.items() if name not in unused}
    if entry.aesthetic_score is not None:
        beside["aesthetic_score"] = entry.aesthetic_score
    return {"out": [{"tokens": handed, "add": beside}]}


def for_control(case: Case, context: RecordingContext) -> Seen:
    """The entry with a text for control nets; one tower, since the record has one tensor."""
    towers: Any = (StubTower(name="l"),)
    inputs = {"conditioning": value(case["in"]["conditioning"]), "text": case["in"]["text"]}
    return call(context, case["node"], {**inputs, "clip": TextEncoder(towers=towers)})


def last_layer(case: Case, context: RecordingContext) -> Seen:
    """What is set on the text encoder, by the record's name for it."""
    (clip,) = call(context, case["node"], {**case["in"], "clip": encoder()})["out"]
    return {"out": [["clip_layer", clip.layer]]}


def _stubs(clip: TextEncoder) -> Sequence[Any]:
    return clip.towers


ENCODING = ("CLIPTextEncode", "CLIPTextEncodeSDXL", "CLIPTextEncodeSDXLRefiner")
RUNNERS: dict[tuple[str | None, str], Runner] = {
    **{("clip", node): encoded for node in ENCODING},
    ("clip", "CLIPTextEncodeControlnet"): for_control,
    ("clip", "CLIPSetLastLayer"): last_layer,
}
