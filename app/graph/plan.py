"""Which node runs next: a state machine without I/O that the executor drives."""

from collections.abc import Collection, Iterable, Mapping

from app.graph.errors import DependencyCycle, DuplicateNode, GraphError

Sources = Mapping[str, str]
"""The links of one node: input name -> source node id."""


class Plan:
    """The nodes still to run for some targets, and what each of them waits for.

    A node is pending until `ready` offers it and `start` takes it; `finish` frees those that waited for
    it. Nodes in `done` (cached results) are never offered. Links in `lazy` inputs do not hold a node
    back until it asks for them with `need`.
    """

    def __init__(
        self,
        links: Mapping[str, Sources],
        targets: Iterable[str],
        *,
        outputs: Collection[str] = (),
        lazy: Mapping[str, Collection[str]] | None = None,
        done: Collection[str] = (),
    ) -> None:
        self._links: dict[str, Sources] = dict(links)
        self._lazy = dict(lazy or {})
        self._outputs = set(outputs)
        self._done = set(done)
        self._waits_for: dict[str, set[str]] = {}
        self._feeds: dict[str, set[str]] = {}
        self._ready: tuple[dict[str, None], ...] = ({}, {}, {}, {})
        self._running: set[str] = set()
        self._cancelled = False
        for target in targets:
            self._add(target)
        self._rank_ready()

    @property
    def finished(self) -> bool:
        """Nothing is left to run, or the plan was cancelled and no node runs any more."""
        return not self._running and (self._cancelled or not self._waits_for)

    def ready(self) -> str | None:
        """The node to start next; None when running nodes have to end first, or nothing is left.

        Output nodes come first, then nodes that feed one directly, then those one link further away, so
        that results appear early and intermediate values are released. Raises DependencyCycle when the
        nodes left wait for each other.
        """
        if self._cancelled:
            return None
        for rank in self._ready:
            if rank:
                return next(iter(rank))
        if self._waits_for and not self._running:
            raise DependencyCycle(self._stuck())
        return None

    def start(self, node_id: str) -> None:
        """Take a ready node; it runs until `finish`, `need` or `expand`."""
        for rank in self._ready:
            if node_id in rank:
                del rank[node_id]
                self._running.add(node_id)
                return
        raise GraphError(f"node '{node_id}' cannot start: it is not ready")

    def finish(self, node_id: str) -> None:
        """The node has its result; nodes that waited for it may become ready."""
        self._leave_running(node_id)
        del self._waits_for[node_id]
        self._done.add(node_id)
        for fed in self._feeds.pop(node_id, set()):
            waits = self._waits_for[fed]
            waits.discard(node_id)
            if not waits:
                self._ready[self._rank(fed)][fed] = None

    def need(self, node_id: str, inputs: Iterable[str]) -> bool:
        """A running node asks for lazy inputs; False when all of them are there and it can go on.

        Otherwise the node is pending again until their sources have run.
        """
        wanted = {self._links[node_id][name] for name in inputs if name in self._links[node_id]}
        return self._wait(node_id, wanted)

    def expand(
        self,
        node_id: str,
        links: Mapping[str, Sources],
        wait_for: Iterable[str],
        *,
        outputs: Collection[str] = (),
        lazy: Mapping[str, Collection[str]] | None = None,
    ) -> bool:
        """A running node turned into a subgraph; it is pending until the nodes in `wait_for` have run.

        Output nodes of the subgraph run as well. Returns as `need`. Raises DuplicateNode.
        """
        for new_id in links:
            if new_id in self._links:
                raise DuplicateNode(f"node '{node_id}' expands into '{new_id}', which exists already")
        self._links.update(links)
        self._lazy.update(lazy or {})
        self._outputs.update(outputs)
        return self._wait(node_id, {*wait_for, *outputs})

    def cancel(self) -> None:
        """Offer no further node; running ones may finish."""
        self._cancelled = True

    def _wait(self, node_id: str, sources: set[str]) -> bool:
        if node_id not in self._running:
            raise GraphError(f"node '{node_id}' cannot ask for more: it is not running")
        missing = sources - self._done
        if not missing:
            return False
        self._running.discard(node_id)
        for source in sorted(missing):
            self._waits_for[node_id].add(source)
            self._add(source)
            self._feeds.setdefault(source, set()).add(node_id)
        self._rank_ready()
        return True

    def _leave_running(self, node_id: str) -> None:
        if node_id not in self._running:
            raise GraphError(f"node '{node_id}' cannot finish: it is not running")
        self._running.discard(node_id)

    def _add(self, node_id: str) -> None:
        """Make a node and its eager ancestors pending, without recursion: chains can be 10,000 long."""
        stack = [node_id]
        while stack:
            current = stack.pop()
            if current in self._waits_for or current in self._done:
                continue
            lazy = self._lazy.get(current, ())
            sources = {source for name, source in self._links[current].items() if name not in lazy}
            self._waits_for[current] = sources - self._done
            for source in self._waits_for[current]:
                self._feeds.setdefault(source, set()).add(current)
            stack.extend(sorted(self._waits_for[current], reverse=True))

    def _rank_ready(self) -> None:
        """Sort the nodes that wait for nothing into their ranks, in the order they became pending."""
        for rank in self._ready:
            rank.clear()
        for node_id, waits in self._waits_for.items():
            if not waits and node_id not in self._running:
                self._ready[self._rank(node_id)][node_id] = None

    def _rank(self, node_id: str) -> int:
        if node_id in self._outputs:
            return 0
        feeds = self._feeds.get(node_id, set())
        if not feeds.isdisjoint(self._outputs):
            return 1
        if any(not self._feeds.get(fed, set()).isdisjoint(self._outputs) for fed in feeds):
            return 2
        return 3

    def _stuck(self) -> list[str]:
        """Follow what a stuck node waits for until one comes twice."""
        path: dict[str, None] = {}
        current = next(iter(self._waits_for))
        while current not in path:
            path[current] = None
            current = min(self._waits_for[current])
        nodes = list(path)
        return nodes[nodes.index(current) :]
