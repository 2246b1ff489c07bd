"""Any order of put, take, finish, delete and crash: each prompt ends exactly once, in the right order."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from app.queue.attempt_files import AttemptFiles
from app.queue.base import NewPrompt, Outcome
from app.queue.embedded import EmbeddedQueue
from app.store.database import Database
from app.store.history import History


@dataclass
class Expected:
    """What a list in memory would do."""

    waiting: list[tuple[float, int, str]] = field(default_factory=list[tuple[float, int, str]])
    running: tuple[float, int, str] | None = None
    ended: list[str] = field(default_factory=list[str])
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    deleted: set[str] = field(default_factory=set[str])


class QueueMachine(RuleBasedStateMachine):
    """Drives a real queue over a real file beside the expectation."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(prefix="queue-")
        self.path = Path(self.folder.name) / "queue.db"
        self.expected = Expected()
        self.count = 0
        self.open()

    def open(self) -> None:
        self.database = self.loop.run_until_complete(Database.open(self.path))
        self.queue = EmbeddedQueue(self.database, AttemptFiles(self.path.parent, []))
        self.history = History(self.database)

    @rule(number=st.none() | st.integers(-3, 3).map(float))
    def put(self, number: float | None) -> None:
        self.count += 1
        name = f"p{self.count}"
        new = NewPrompt(prompt_id=name, prompt={"1": {}}, targets=("1",), number=number)
        receipt = self.loop.run_until_complete(self.queue.put(new))
        self.expected.waiting.append((receipt.number, self.count, name))
        self.expected.attempts[name] = 0

    @precondition(lambda self: self.expected.running is None)
    @rule()
    def take(self) -> None:
        taken = self.loop.run_until_complete(self.queue.take())
        if not self.expected.waiting:
            assert taken is None
            return
        head = min(self.expected.waiting)
        self.expected.waiting.remove(head)
        self.expected.running = head
        self.expected.attempts[head[2]] += 1
        assert taken is not None
        assert (taken.prompt_id, taken.attempt) == (head[2], self.expected.attempts[head[2]])
        assert len(taken.losses) == taken.attempt - 1

    @precondition(lambda self: self.expected.running is not None)
    @rule(state=st.sampled_from(["success", "error", "interrupted"]))
    def finish(self, state: str) -> None:
        assert self.expected.running is not None
        name = self.expected.running[2]
        outcome = Outcome(state=state, messages=())
        assert self.loop.run_until_complete(self.queue.finish(name, outcome))
        assert not self.loop.run_until_complete(self.queue.finish(name, outcome))
        self.expected.ended.append(name)
        self.expected.running = None

    @precondition(lambda self: self.count > 0)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = f"p{data.draw(st.integers(1, self.count))}"
        before = len(self.expected.waiting)
        self.expected.waiting = [each for each in self.expected.waiting if each[2] != name]
        if before != len(self.expected.waiting):
            self.expected.deleted.add(name)
        assert self.loop.run_until_complete(self.queue.delete([name])) == before - len(self.expected.waiting)

    @rule()
    def crash_and_reopen(self) -> None:
        self.loop.run_until_complete(self.database.close())
        self.open()
        recovered = self.loop.run_until_complete(self.queue.requeue_lost())
        lost = self.expected.running
        self.expected.running = None
        if lost is None:
            assert (recovered.requeued, recovered.failed) == ((), ())
        elif self.expected.attempts[lost[2]] < 2:
            assert recovered.requeued == (lost[2],)
            self.expected.waiting.append(lost)
        else:
            assert recovered.failed == (lost[2],)
            self.expected.ended.append(lost[2])

    @invariant()
    def nothing_is_lost_and_nothing_is_twice(self) -> None:
        state = self.loop.run_until_complete(self.queue.state())
        assert [each.prompt_id for each in state.pending] == [
            each[2] for each in sorted(self.expected.waiting)
        ]
        running = [] if self.expected.running is None else [self.expected.running[2]]
        assert [each.prompt_id for each in state.running] == running
        ended = [row.prompt_id for row in self.loop.run_until_complete(self.history.page())]
        assert sorted(ended) == sorted(self.expected.ended)
        known = len(ended) + len(running) + len(state.pending) + len(self.expected.deleted)
        assert known == self.count

    def teardown(self) -> None:
        self.loop.run_until_complete(self.database.close())
        self.loop.close()
        self.folder.cleanup()


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
