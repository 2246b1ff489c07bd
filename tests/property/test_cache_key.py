"""Cache keys of any prompt: equal for equal nodes whatever their ids, changed by any change above a node."""

import copy
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from app.graph.cache_key import CacheKey, cache_keys
from app.graph.node_schema import NodeSchema
from app.graph.prompt import links_of

CLASSES = ("A", "B", "C")
SCHEMAS = {name: NodeSchema(class_type=name, category="t") for name in CLASSES}

Prompt = dict[str, dict[str, Any]]

numbers = st.integers(-(2**31), 2**31)
fractions = st.integers(-1000, 1000).map(lambda number: number + 0.5)
words = st.text(max_size=5)
LITERALS = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    fractions,
    words,
    st.lists(numbers | words, max_size=3).map(lambda values: {"__value__": values}),
    st.dictionaries(st.sampled_from("xyz"), numbers | words),
)
"""Values whose JSON differs whenever they do: whole floats, which equal integers, are left out."""


@st.composite
def prompts(draw: st.DrawFn, size: int = 8) -> Prompt:
    """Nodes "0", "1" and so on, each with literals and links to earlier nodes, in this order."""
    prompt: Prompt = {}
    for number in range(draw(st.integers(1, size))):
        inputs: dict[str, Any] = draw(st.dictionaries(st.sampled_from("abc"), LITERALS))
        if number:
            links = st.tuples(st.integers(0, number - 1).map(str), st.integers(0, 3)).map(list)
            inputs |= draw(st.dictionaries(st.sampled_from("def"), links, max_size=2))
        prompt[str(number)] = {"class_type": draw(st.sampled_from(CLASSES)), "inputs": inputs}
    return prompt


def keys(prompt: Prompt) -> dict[str, CacheKey | None]:
    found = cache_keys(prompt, list(prompt), SCHEMAS, {})
    assert None not in found.values()
    return found


def below(prompt: Prompt, changed: str) -> set[str]:
    """The changed node and all that depend on it."""
    found = {changed}
    for node_id, node in prompt.items():
        if any(link.node_id in found for _, link in links_of(node)):
            found.add(node_id)
    return found


def assert_only_below_changed(before: Prompt, after: Prompt, changed: str) -> None:
    old, new = keys(before), keys(after)
    assert {node_id for node_id in before if old[node_id] != new[node_id]} == below(before, changed)


@given(prompts(), st.data())
def test_ids_and_the_order_of_inputs_do_not_matter(prompt: Prompt, data: st.DataObject) -> None:
    ids = data.draw(st.lists(words, min_size=len(prompt), max_size=len(prompt), unique=True))
    names = dict(zip(prompt, ids, strict=True))
    renamed: Prompt = {}
    for node_id, node in prompt.items():
        inputs = dict(data.draw(st.permutations(list(node["inputs"].items()))))
        inputs |= {name: [names[link.node_id], link.slot] for name, link in links_of(node)}
        renamed[names[node_id]] = {"class_type": node["class_type"], "inputs": inputs}

    assert keys(renamed) == {names[node_id]: key for node_id, key in keys(prompt).items()}


@given(prompts(), st.data())
def test_equal_nodes_have_equal_keys(prompt: Prompt, data: st.DataObject) -> None:
    twin = data.draw(st.sampled_from(sorted(prompt)))

    found = keys({**prompt, "twin": copy.deepcopy(prompt[twin])})

    assert found["twin"] == found[twin]


@given(prompts(), st.data())
def test_another_class_changes_the_keys_of_the_node_and_of_those_below(
    prompt: Prompt, data: st.DataObject
) -> None:
    changed = data.draw(st.sampled_from(sorted(prompt)))
    other = copy.deepcopy(prompt)
    before = prompt[changed]["class_type"]
    other[changed]["class_type"] = data.draw(st.sampled_from([name for name in CLASSES if name != before]))

    assert_only_below_changed(prompt, other, changed)


@given(prompts(), st.data())
def test_another_literal_changes_the_keys_of_the_node_and_of_those_below(
    prompt: Prompt, data: st.DataObject
) -> None:
    changed = data.draw(st.sampled_from(sorted(prompt)))
    name = data.draw(st.sampled_from("abc"))
    value = data.draw(LITERALS)
    old = prompt[changed]["inputs"]
    assume(name not in old or json.dumps(old[name], sort_keys=True) != json.dumps(value, sort_keys=True))
    other = copy.deepcopy(prompt)
    other[changed]["inputs"][name] = value

    assert_only_below_changed(prompt, other, changed)


@given(prompts(), st.data())
def test_another_link_changes_the_keys_of_the_node_and_of_those_below(
    prompt: Prompt, data: st.DataObject
) -> None:
    linked = [(node_id, name, link) for node_id, node in prompt.items() for name, link in links_of(node)]
    assume(linked)
    changed, name, old = data.draw(st.sampled_from(linked))
    source = data.draw(st.sampled_from([str(number) for number in range(int(changed))]))
    slot = data.draw(st.integers(0, 3))
    found = keys(prompt)
    assume((found[source], slot) != (found[old.node_id], old.slot))
    other = copy.deepcopy(prompt)
    other[changed]["inputs"][name] = [source, slot]

    assert_only_below_changed(prompt, other, changed)


@given(prompts(), st.data())
def test_input_that_is_left_out_changes_the_keys_of_the_node_and_of_those_below(
    prompt: Prompt, data: st.DataObject
) -> None:
    given_inputs = [(node_id, name) for node_id, node in prompt.items() for name in node["inputs"]]
    assume(given_inputs)
    changed, name = data.draw(st.sampled_from(given_inputs))
    other = copy.deepcopy(prompt)
    del other[changed]["inputs"][name]

    assert_only_below_changed(prompt, other, changed)


@given(prompts(), st.data())
def test_input_under_another_name_changes_the_keys_of_the_node_and_of_those_below(
    prompt: Prompt, data: st.DataObject
) -> None:
    given_inputs = [(node_id, name) for node_id, node in prompt.items() for name in node["inputs"]]
    assume(given_inputs)
    changed, name = data.draw(st.sampled_from(given_inputs))
    other = copy.deepcopy(prompt)
    other[changed]["inputs"]["other"] = other[changed]["inputs"].pop(name)

    assert_only_below_changed(prompt, other, changed)
