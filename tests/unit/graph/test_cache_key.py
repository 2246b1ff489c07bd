"""When two nodes have the same result: equal class, inputs and ancestry, whatever their ids."""

from typing import Any

import pytest

from app.graph.cache_key import cache_keys
from app.graph.node_schema import NodeSchema

SCHEMAS = {
    "A": NodeSchema(class_type="A", category="t"),
    "B": NodeSchema(class_type="B", category="t"),
    "Once": NodeSchema(class_type="Once", category="t", not_idempotent=True),
    "Self": NodeSchema(class_type="Self", category="t", hidden={"me": "UNIQUE_ID"}),
}


def keys(prompt: dict[str, Any], order: list[str], **fingerprints: object) -> dict[str, bytes | None]:
    return cache_keys(prompt, order, SCHEMAS, fingerprints)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def test_equal_subgraphs_share_a_key_under_any_id() -> None:
    prompt = {
        "1": node("A", x=1),
        "2": node("A", x=1),
        "3": node("B", i=["1", 0]),
        "4": node("B", i=["2", 0]),
    }
    found = keys(prompt, ["1", "2", "3", "4"])
    assert found["1"] == found["2"]
    assert found["3"] == found["4"]
    assert found["1"] != found["3"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (node("A", x=1), node("B", x=1)),
        (node("A", x=1), node("A", x=2)),
        (node("A", x=1), node("A", x="1")),
        (node("A", x=1), node("A", y=1)),
        (node("A", x=[]), node("A", x=[0])),
        (node("A", x={"__value__": ["9", 0]}), node("A", x=["0", 0])),
        (node("A", x=["0", 0]), node("A", x=["0", 1])),
    ],
)
def test_any_difference_changes_the_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = keys({"0": node("A"), "1": one, "2": other}, ["0", "1", "2"])
    assert found["1"] != found["2"]


def test_order_of_inputs_and_whole_floats_do_not_matter() -> None:
    prompt = {"1": node("A", x=1, y=2), "2": node("A", y=2.0, x=1.0)}
    found = keys(prompt, ["1", "2"])
    assert found["1"] == found["2"]


def test_whole_floats_are_integers_up_to_the_last_one_that_floats_count_exactly() -> None:
    prompt = {"1": node("A", x=2**53), "2": node("A", x=float(2**53)), "3": node("A", x=1e300)}
    found = keys(prompt, ["1", "2", "3"])
    assert found["1"] == found["2"]
    assert found["3"] is not None


def test_change_above_reaches_everything_below() -> None:
    below = {"b": node("B", i=["a", 0]), "c": node("B", i=["b", 0])}
    one = keys({"a": node("A", x=1), **below}, ["a", "b", "c"])
    two = keys({"a": node("A", x=2), **below}, ["a", "b", "c"])
    assert all(one[node_id] != two[node_id] for node_id in "abc")


def test_fingerprint_is_part_of_the_key() -> None:
    prompt = {"1": node("A")}
    assert keys(prompt, ["1"], **{"1": "old"}) != keys(prompt, ["1"], **{"1": "new"})


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_unstable_fingerprint_is_never_cached_nor_what_stands_on_it(value: object) -> None:
    found = keys({"1": node("A"), "2": node("B", i=["1", 0])}, ["1", "2"], **{"1": value})
    assert found == {"1": None, "2": None}


@pytest.mark.parametrize("class_type", ["Once", "Self"])
def test_nodes_that_know_their_id_do_not_share(class_type: str) -> None:
    found = keys({"1": node(class_type), "2": node(class_type)}, ["1", "2"])
    assert found["1"] != found["2"]


def test_literal_nan_is_never_cached() -> None:
    assert keys({"1": node("A", x={"v": [float("nan")]})}, ["1"])["1"] is None
