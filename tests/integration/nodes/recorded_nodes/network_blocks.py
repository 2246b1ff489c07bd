"""Runs the recorded cases of changes inside the network: blocks, attentions and calls with given tensors."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from app.inference.hooks.network import (
    Attend,
    NetworkCall,
    NetworkHooks,
    Place,
)
from app.inference.model_sampling import families
from tests.integration.nodes.recorded_nodes.calls import NODES, Runner, Seen, call
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.stubs import stub_model
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.nodes.recording_context import RecordingContext

SAMPLING = families.discrete()
SOMEWHERE = Place("input", 1, 0, "self")


def output_block(case: Case, context: RecordingContext) -> Seen:
    """The hidden state, and the skip tensor where it is recorded, before they are joined."""
    h, skip = value(case["in"]["h"]), value(case["in"]["skip"])
    hooks = _hooks(context, case, model_channels=case["in"].get("model_channels", 1))
    for hook in hooks.output_block:
        h, skip = hook(h, skip, 0, _call())
    return {"out": [h, skip][: len(case["out"])]}


def input_block(case: Case, context: RecordingContext) -> Seen:
    """The hidden state after an input block at a level."""
    h, hooks = value(case["in"]["h"]), _hooks(context, case)
    for hook in (*hooks.input_block, *hooks.input_block_after_skip):
        h = hook(h, case["in"]["block"], _call(sigma=case["in"]["sigma"]))
    return {"out": [h]}


def hyper_tile(case: Case, context: RecordingContext) -> Seen:
    """Tiled queries, or what becomes of an attention with one head."""
    height, width = case["in"]["original_shape"][-2:]
    (around,) = _hooks(context, case).around_attention
    network_call = _call(height=height, width=width)
    if "heads" in case["in"]:
        q, k, v = _attention_inputs(height * width)
        return {"out": [around(_attention, q, k, v, SOMEWHERE, network_call)]}
    tokens = height * width >> 2 * case["in"]["max_depth"]
    q = torch.arange(tokens).float().view(1, -1, 1)
    seen: list[Tensor] = []
    joined = around(_seen_by(seen), q, q, q, SOMEWHERE, network_call)
    runs = seen[1].reshape(q.shape)
    assert torch.equal(runs, q)
    return {"out": [seen[0]], "k_shape": list(runs.shape), "roundtrip_ok": torch.equal(joined, q)}


def token_merging(case: Case, context: RecordingContext) -> Seen:
    """Merged queries and what they become afterwards.

    The recorded order of the destinations is that of an unstable sort, which no attention depends on: ours
    are compared in that order.
    """
    batch, _, height, width = case["in"]["original_shape"]
    (around,) = _hooks(context, case).around_attention
    q = _formula((batch, height * width, 3), (3, 5, 7), 13, 6, 4)
    q = q + 0.01 * torch.arange(height * width)[:, None]
    seen: list[Tensor] = []
    unmerged = around(_seen_by(seen), q, q, q, SOMEWHERE, _call(height=height, width=width))
    merged = _in_order_of(value({"$": "literal", **case["out"][0]}), seen[0])
    return {"out": [merged], "k_shape": list(seen[1].shape), "unmerged": unmerged}


def easy_cache(case: Case, context: RecordingContext) -> Seen:
    """A run of calls; where two rows share a call only the decisions are compared, as the record wants it."""
    given = case["in"]
    hooks = _hooks(context, case, {"model": value(given["model"])})
    two_rows, apart = "two conditions" in given["conditions"], "two calls" in given["conditions"]
    calls = [(1,), (2,)] if apart else [(1, 2)] if two_rows else [(1,)]
    sampling = value(given["model"]).model_sampling
    memory: dict[Any, Any] = {}
    called: list[Any] = []
    outputs: list[Tensor] = []
    for sigma, x, answer in zip(
        given["sigmas"], value(given["x per step"]), value(given["network output per step"]), strict=True
    ):
        step: list[bool] = []
        rows: list[Tensor] = []
        for entries in calls:
            part = slice(entries[0] - 1, entries[-1])
            network = _Answer(answer[part])
            network_call = NetworkCall(
                sigma=torch.tensor(sigma),
                sides=(0,) * len(entries),
                entries=entries,
                height=9,
                width=9,
                model_sampling=sampling,
                memory=memory,
            )
            (around,) = hooks.around_network
            rows.append(around(network, x[part], network_call))
            step.append(network.was_called)
        called.append(step if apart else step[0])
        outputs.append(torch.cat(rows))
    result = {
        "network_called": called,
        "mean_abs_of_output": [each.abs().mean().item() for each in outputs],
        "last": outputs[-1],
    }
    if "note" in case:
        return {"out": [{**case["out"][0], "network_called": called}]}
    return {"out": [result]}


def _in_order_of(recorded: Tensor, tokens: Tensor) -> Tensor:
    """`tokens` [B, N, C] with each where its like is in the record."""
    assert recorded.shape == tokens.shape
    order = torch.cdist(recorded[0], tokens[0]).argmin(dim=1)
    assert sorted(order.tolist()) == list(range(tokens.shape[1]))
    return tokens[:, order]


class _Answer:
    """A network with one output."""

    def __init__(self, output: Tensor) -> None:
        self._output = output
        self.was_called = False

    def __call__(self, x: Tensor) -> Tensor:
        self.was_called = True
        return self._output


def _hooks(
    context: RecordingContext, case: Case, inputs: dict[str, Any] | None = None, *, model_channels: int = 1
) -> NetworkHooks:
    """The node's changes of a UNet `model_channels` wide; missing inputs have their default."""
    network: Any = SimpleNamespace(shape=SimpleNamespace(width=model_channels))
    given = {"model": replace(stub_model("sd1_eps"), network=network), **(inputs or {})}
    for each in NODES[case["node"]].schema.inputs:
        if each.name not in given:
            default = each.choices[0] if each.choices else each.options.get("default")
            given[each.name] = case["in"].get(each.name, default)
    return call(context, case["node"], given)["out"][0].network_hooks


def _call(*, sigma: float = 1.0, height: int = 1, width: int = 1) -> NetworkCall:
    return NetworkCall(
        sigma=torch.tensor(sigma),
        sides=(0,),
        entries=(1,),
        height=height,
        width=width,
        model_sampling=SAMPLING,
        memory={},
    )


def _seen_by(seen: list[Tensor]) -> Attend:
    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        seen.extend((query, key))
        return query

    return attend


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return scaled_dot_product_attention(query, key, value)


def _attention_inputs(tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    """The formulas that the case names for q, k and v."""
    shape = (2, tokens, 2)
    return (
        _formula(shape, (3, 5, 7), 13, 6, 4),
        _formula(shape, (1, 7, 5), 11, 5, 4),
        _formula(shape, (5, 1, 3), 17, 8, 8),
    )


def _formula(
    shape: tuple[int, int, int], factors: tuple[int, int, int], modulus: int, shift: int, scale: int
) -> Tensor:
    axes = torch.meshgrid(*(torch.arange(size) for size in shape), indexing="ij")
    total = sum((factor * axis for factor, axis in zip(factors, axes, strict=True)), torch.tensor(0))
    return (total % modulus - shift).float() / scale


RUNNERS: dict[tuple[str | None, str], Runner] = {
    ("output_block_patch", "*"): output_block,
    ("input_block_patch", "*"): input_block,
    ("attn1", "HyperTile"): hyper_tile,
    ("attn1", "TomePatchModel"): token_merging,
    ("easycache", "EasyCache"): easy_cache,
}
