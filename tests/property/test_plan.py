"""Whatever the graph: each node runs once, after its sources, and all targets end; graphlib is the oracle."""

import graphlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.graph.errors import DependencyCycle, DuplicateNode, GraphError
from app.graph.plan import Plan

Links = dict[str, dict[str, str]]


@st.composite
def graphs(draw: st.DrawFn, size: int = 12) -> Links:
    """Acyclic links over up to `size` nodes: a node is only linked to earlier ones."""
    count = draw(st.integers(1, size))
    return {
        str(i): {
            f"in{k}": str(source)
            for k, source in enumerate(
                draw(st.lists(st.integers(0, i - 1), max_size=3) if i else st.just([]))
            )
        }
        for i in range(count)
    }


def ancestors(links: Links, targets: list[str], done: set[str]) -> set[str]:
    found: set[str] = set()
    stack = [target for target in targets if target not in done]
    while stack:
        node_id = stack.pop()
        if node_id not in found:
            found.add(node_id)
            stack.extend(source for source in links[node_id].values() if source not in done)
    return found


@given(st.data())
def test_every_needed_node_runs_once_after_its_sources(data: st.DataObject) -> None:
    links = data.draw(graphs())
    ids = st.sampled_from(sorted(links))
    targets = data.draw(st.lists(ids, min_size=1, unique=True))
    outputs = set(data.draw(st.lists(ids)))
    done = set(data.draw(st.lists(ids)))
    plan = Plan(links, targets, outputs=outputs, done=done)
    ran: list[str] = []
    running: list[str] = []
    while not plan.finished:
        node_id = plan.ready()
        if node_id is not None and (not running or data.draw(st.booleans())):
            plan.start(node_id)
            running.append(node_id)
        else:
            ended = running.pop(data.draw(st.integers(0, len(running) - 1)))
            plan.finish(ended)
            ran.append(ended)
    assert plan.ready() is None
    assert sorted(ran) == sorted(ancestors(links, targets, done))
    for node_id in ran:
        for source in links[node_id].values():
            assert source in done or ran.index(source) < ran.index(node_id)
    static = graphlib.TopologicalSorter({n: set(links[n].values()) for n in ran})
    assert set(static.static_order()) - done == set(ran)


@given(graphs(), st.data())
def test_ready_prefers_output_nodes_then_their_sources(links: Links, data: st.DataObject) -> None:
    targets = sorted(links)
    outputs = set(data.draw(st.lists(st.sampled_from(targets))))
    plan = Plan(links, targets, outputs=outputs)
    done: set[str] = set()

    def rank(node_id: str) -> int:
        fed = {n for n in links if n not in done and node_id in links[n].values()}
        further = {n for n in links if n not in done and any(f in links[n].values() for f in fed)}
        return 0 if node_id in outputs else 1 if fed & outputs else 2 if further & outputs else 3

    while (node_id := plan.ready()) is not None:
        free = [n for n in links if n not in done and set(links[n].values()) <= done]
        assert rank(node_id) == min(rank(n) for n in free)
        plan.start(node_id)
        plan.finish(node_id)
        done.add(node_id)


@given(st.data())
def test_lazy_inputs_run_only_when_asked_for(data: st.DataObject) -> None:
    links = data.draw(graphs())
    lazy = {
        n: set(data.draw(st.lists(st.sampled_from(sorted(links[n]))))) if links[n] else set() for n in links
    }
    target = max(links, key=int)
    asks = {
        n: set(data.draw(st.lists(st.sampled_from(sorted(lazy[n]))))) if lazy[n] else set() for n in links
    }
    plan = Plan(links, [target], lazy=lazy)
    ran: list[str] = []
    while (node_id := plan.ready()) is not None:
        plan.start(node_id)
        if plan.need(node_id, asks[node_id]):
            continue
        plan.finish(node_id)
        ran.append(node_id)
    assert plan.finished
    assert len(ran) == len(set(ran))
    wanted = {target}
    for n in sorted(links, key=int, reverse=True):
        if n in wanted:
            wanted |= {source for name, source in links[n].items() if name not in lazy[n] or name in asks[n]}
    assert set(ran) == wanted


@given(graphs(6), graphs(6))
def test_expansion_runs_the_subgraph_before_its_parent(outer: Links, inner: Links) -> None:
    target = max(outer, key=int)
    sub = {f"{target}.{n}": {k: f"{target}.{s}" for k, s in inner[n].items()} for n in inner}
    last = max(sub, key=lambda n: int(n.rpartition(".")[2]))
    plan = Plan(outer, [target])
    ran: list[str] = []
    expanded = False
    while (node_id := plan.ready()) is not None:
        plan.start(node_id)
        if node_id == target and not expanded:
            expanded = True
            assert plan.expand(node_id, sub, [last])
            continue
        plan.finish(node_id)
        ran.append(node_id)
    assert plan.finished
    assert ran[-1] == target
    assert last in ran
    assert set(ran) <= set(outer) | set(sub)


@given(graphs())
def test_cancel_offers_nothing_more(links: Links) -> None:
    plan = Plan(links, sorted(links))
    first = plan.ready()
    assert first is not None
    plan.start(first)
    plan.cancel()
    assert plan.ready() is None
    assert not plan.finished
    plan.finish(first)
    assert plan.finished


def test_cycle_names_its_nodes() -> None:
    plan = Plan({"a": {"i": "b"}, "b": {"i": "a"}, "s": {"i": "a"}}, ["s"])
    with pytest.raises(DependencyCycle) as caught:
        plan.ready()
    assert sorted(caught.value.nodes) == ["a", "b"]


def test_expanding_into_an_existing_id_is_refused() -> None:
    plan = Plan({"a": {}, "b": {}}, ["a"])
    plan.start("a")
    with pytest.raises(DuplicateNode):
        plan.expand("a", {"b": {}}, ["b"])


def test_wrong_steps_are_refused() -> None:
    plan = Plan({"a": {}, "b": {"i": "a"}}, ["b"])
    with pytest.raises(GraphError, match="not ready"):
        plan.start("b")
    with pytest.raises(GraphError, match="not running"):
        plan.finish("a")
    with pytest.raises(GraphError, match="not running"):
        plan.need("a", [])


def test_long_chain_is_planned_without_recursion() -> None:
    links: Links = {"0": {}} | {str(i): {"i": str(i - 1)} for i in range(1, 10_000)}
    plan = Plan(links, ["9999"])
    ran = 0
    while (node_id := plan.ready()) is not None:
        plan.start(node_id)
        plan.finish(node_id)
        ran += 1
    assert ran == 10_000
