"""How a prompt walks through the executor: events in order, cache, errors, interrupts; stub nodes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import device as Device

from app.executor.created_files import journal_path
from app.executor.output_cache import OutputCache
from app.executor.run_context import RunContext, Surroundings
from app.executor.run_prompt import PromptRun
from app.files.folders import data_folders
from app.graph.node_schema import InputSchema, NodeSchema, OutputSchema
from app.inference.memory.model_store import ModelStore
from app.inference.models.errors import ModelFileDamaged
from app.nodes.declare import NodeClass, NodeResult
from app.protocol.codec import FRAME_LIMIT
from app.protocol.commands import RunPrompt
from app.protocol.events import (
    ExecutionCached,
    ExecutionEnded,
    ExecutionStarted,
    NodeFinished,
    NodePicture,
    NodePreview,
    NodeProgress,
    NodeStarted,
    NodeText,
    PromptEvent,
)


def schema(class_type: str, *, inputs: str = "", outputs: int = 1, **more: Any) -> NodeSchema:
    return NodeSchema(
        class_type=class_type,
        category="t",
        inputs=tuple(InputSchema(name=name, type="*") for name in inputs.split()),
        outputs=tuple(OutputSchema(type="*", name=f"o{i}") for i in range(outputs)),
        **more,
    )


class Bench:
    """An executor's inside with stub nodes that count their calls."""

    def __init__(self, base: Path) -> None:
        self.folders = data_folders(base)
        self.cache = OutputCache()
        self.events: list[PromptEvent] = []
        self.calls: list[str] = []
        self.stop = False
        self.on_call: Callable[[RunContext], None] = lambda _: None
        self.stamp: object = 0
        self.nodes = {
            node.schema.class_type: node
            for node in (
                NodeClass(
                    schema=schema("Value", inputs="x"), run=lambda context, x: self._called(context, (x,))
                ),
                NodeClass(
                    schema=schema("Add", inputs="a b"),
                    run=lambda context, a, b: self._called(context, (a + b,)),
                ),
                NodeClass(schema=schema("Split"), run=lambda context: self._called(context, ([1, 2, 3],))),
                NodeClass(
                    schema=NodeSchema(
                        class_type="Many",
                        category="t",
                        outputs=(OutputSchema(type="*", name="o", is_list=True),),
                    ),
                    run=lambda context: self._called(context, ([1, 2, 3],)),
                ),
                NodeClass(
                    schema=schema("Gather", inputs="x", input_is_list=True),
                    run=lambda context, x: self._called(context, (list(x),)),
                ),
                NodeClass(
                    schema=schema("Show", inputs="x", outputs=0, output_node=True),
                    run=lambda context, x: self._called(context, NodeResult(ui={"text": [str(x)]})),
                ),
                NodeClass(
                    schema=schema("File", has_fingerprint=True),
                    run=lambda context: self._called(context, (0,)),
                    fingerprint=lambda context: self.stamp,
                ),
                NodeClass(schema=schema("Wrong"), run=lambda context: self._called(context, (1, 2))),
            )
        }

    def _called(self, context: RunContext, result: Any) -> Any:
        self.calls.append(context.node_id)
        self.on_call(context)
        return result

    def run(self, prompt: dict[str, Any], targets: list[str], prompt_id: str = "p") -> ExecutionEnded:
        self.events.clear()
        self.calls.clear()
        PromptRun(
            RunPrompt(prompt_id=prompt_id, prompt=prompt, targets=targets),
            self.nodes,
            self.cache,
            Surroundings(folders=self.folders, models=ModelStore(Device("cpu"), 1)),
            emit=self.events.append,
            interrupted=lambda: self.stop,
        ).run()
        ended = self.events[-1]
        assert isinstance(ended, ExecutionEnded)
        assert sum(isinstance(event, ExecutionEnded) for event in self.events) == 1
        return ended

    def names(self) -> list[str]:
        return [
            f"{type(event).__name__} {getattr(event, 'node_id', '')}".strip()
            for event in self.events
            if not isinstance(event, ExecutionEnded)
        ]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


SUM = {
    "1": node("Value", x=2),
    "2": node("Value", x=3),
    "3": node("Add", a=["1", 0], b=["2", 0]),
    "4": node("Show", x=["3", 0]),
}


def test_events_tell_the_way_node_by_node(bench: Bench) -> None:
    ended = bench.run(SUM, ["4"])
    assert bench.names() == [
        "ExecutionStarted",
        "ExecutionCached",
        "NodeStarted 1",
        "NodeFinished 1",
        "NodeStarted 2",
        "NodeFinished 2",
        "NodeStarted 3",
        "NodeFinished 3",
        "NodeStarted 4",
        "NodeFinished 4",
    ]
    assert ended.outcome == "success"
    assert ended.outputs == {"4": {"text": ["5"]}}
    assert ended.executed == ["1", "2", "3", "4"]


def test_cached_node_is_not_run_again_and_its_result_is_shown(bench: Bench) -> None:
    bench.run(SUM, ["4"])
    ended = bench.run(SUM, ["4"])
    assert bench.calls == []
    assert ended.outputs == {"4": {"text": ["5"]}}
    cached = bench.events[1]
    assert isinstance(cached, ExecutionCached)
    assert cached.nodes == ["1", "2", "3", "4"]
    finished = bench.events[2]
    assert isinstance(finished, NodeFinished)
    assert (finished.node_id, finished.cached, finished.ui) == ("4", True, {"text": ["5"]})


def test_a_change_runs_only_what_stands_on_it(bench: Bench) -> None:
    bench.run(SUM, ["4"])
    ended = bench.run({**SUM, "2": node("Value", x=40)}, ["4"])
    assert bench.calls == ["2", "3", "4"]
    assert ended.outputs["4"] == {"text": ["42"]}


def test_only_the_previous_prompt_is_remembered(bench: Bench) -> None:
    bench.run(SUM, ["4"])
    bench.run({"9": node("Show", x=1)}, ["9"])
    bench.run(SUM, ["4"])
    assert bench.calls == ["1", "2", "3", "4"]


def test_nodes_that_no_target_needs_do_not_run(bench: Bench) -> None:
    bench.run({**SUM, "5": node("Value", x=1), "6": node("Show", x=["5", 0])}, ["4"])
    assert "5" not in bench.calls
    assert "6" not in bench.calls


def test_changed_file_runs_again_and_equal_one_does_not(bench: Bench) -> None:
    prompt = {"1": node("File"), "2": node("Show", x=["1", 0])}
    bench.run(prompt, ["2"])
    bench.run(prompt, ["2"])
    assert bench.calls == []
    bench.stamp = 1
    bench.run(prompt, ["2"])
    assert bench.calls == ["1", "2"]


def test_lists_call_once_per_element_and_repeat_the_last_of_shorter_ones(bench: Bench) -> None:
    prompt = {
        "1": node("Many"),
        "2": node("Add", a=["1", 0], b=10),
        "3": node("Gather", x=["2", 0]),
        "4": node("Show", x=["3", 0]),
        "5": node("Show", x=["2", 0]),
    }
    ended = bench.run(prompt, ["4", "5"])
    assert bench.calls.count("2") == 3
    assert bench.calls.count("3") == 1
    assert ended.outputs["4"] == {"text": ["[11, 12, 13]"]}
    assert ended.outputs["5"] == {"text": ["11", "12", "13"]}


def test_a_list_in_a_plain_output_is_one_value(bench: Bench) -> None:
    ended = bench.run({"1": node("Split"), "2": node("Show", x=["1", 0])}, ["2"])
    assert ended.outputs["2"] == {"text": ["[1, 2, 3]"]}


def test_undeclared_literals_are_dropped_and_wrapped_lists_unwrapped(bench: Bench) -> None:
    ended = bench.run({"1": node("Show", x={"__value__": ["a", 0]}, surprise=1)}, ["1"])
    assert ended.outputs["1"] == {"text": ["['a', 0]"]}


def test_failing_node_ends_the_prompt_with_its_name_and_inputs(bench: Bench) -> None:
    ended = bench.run({**SUM, "2": node("Value", x="three")}, ["4"])
    assert ended.outcome == "error"
    assert ended.error is not None
    assert (ended.error.node_id, ended.error.node_type) == ("3", "Add")
    assert ended.error.exception_type == "TypeError"
    assert ended.error.current_inputs == {"a": [2], "b": ["three"]}
    assert any("run_prompt.py" in frame for frame in ended.error.traceback)
    assert ended.executed == ["1", "2"]


def test_errors_name_model_and_data_files_without_absolute_paths(bench: Bench, tmp_path: Path) -> None:
    model = tmp_path / "models" / "checkpoints" / "sub folder" / "half.safetensors"

    def fail(context: RunContext) -> None:
        raise ModelFileDamaged(model, "ends early", f"See {tmp_path / 'output' / 'a.png'}.")

    bench.on_call = fail
    ended = bench.run(SUM, ["4"])
    assert ended.error is not None
    assert ended.error.message == (
        "half.safetensors ends early. See output/a.png. (File: checkpoints/sub folder/half.safetensors)"
    )


def test_results_before_an_error_are_kept(bench: Bench) -> None:
    bench.run({**SUM, "2": node("Value", x="three")}, ["4"])
    bench.run(SUM, ["4"])
    assert bench.calls == ["2", "3", "4"]


def test_wrong_number_of_outputs_is_the_nodes_error(bench: Bench) -> None:
    ended = bench.run({"1": node("Wrong"), "2": node("Show", x=["1", 0])}, ["2"])
    assert ended.error is not None
    assert "2 values for 1 outputs" in ended.error.message


def test_interrupt_is_answered_before_the_next_node(bench: Bench) -> None:
    def stop(context: RunContext) -> None:
        bench.stop = context.node_id == "2"

    bench.on_call = stop
    ended = bench.run(SUM, ["4"])
    assert (ended.outcome, ended.node_id, ended.node_type) == ("interrupted", "3", "Add")
    assert bench.calls == ["1", "2"]
    bench.stop = False
    bench.on_call = lambda _: None
    bench.run(SUM, ["4"])
    assert bench.calls == ["3", "4"]


def test_interrupt_is_answered_at_the_next_step_of_a_node(bench: Bench) -> None:
    def work(context: RunContext) -> None:
        context.progress(1, 4)
        bench.stop = True
        context.progress(2, 4)
        pytest.fail("went on after the interrupt")

    bench.on_call = work
    ended = bench.run(SUM, ["4"])
    assert (ended.outcome, ended.node_id) == ("interrupted", "1")


def test_interrupt_is_answered_before_the_next_file_of_a_node(bench: Bench, tmp_path: Path) -> None:
    def work(context: RunContext) -> None:
        context.created(tmp_path / "first.png")
        bench.stop = True
        context.created(tmp_path / "second.png")
        pytest.fail("went on after the interrupt")

    bench.on_call = work
    ended = bench.run(SUM, ["4"])
    assert (ended.outcome, ended.node_id) == ("interrupted", "1")


def test_progress_and_previews_name_their_node(bench: Bench) -> None:
    def work(context: RunContext) -> None:
        if context.node_id == "3":
            context.progress(1, 2)
            context.preview(b"jpeg")
            context.picture(b"png")
            context.text("3 by 4")

    bench.on_call = work
    bench.run(SUM, ["4"], prompt_id="q")
    kinds = (NodeProgress, NodePreview, NodePicture, NodeText)
    told = [event for event in bench.events if isinstance(event, kinds)]
    assert [(event.prompt_id, event.node_id) for event in told] == [("q", "3")] * 4
    assert [type(event) for event in told] == list(kinds)


def test_a_picture_that_fits_into_no_message_is_refused_with_a_way_out(bench: Bench) -> None:
    bench.on_call = lambda context: context.picture(bytes(FRAME_LIMIT))
    ended = bench.run(SUM, ["4"])
    assert ended.error is not None
    assert ended.error.exception_type == "app.executor.run_context.PictureTooLarge"
    assert "Save Image" in ended.error.message


def test_cycle_that_validation_could_not_see_is_an_error(bench: Bench) -> None:
    prompt = {
        "1": node("Value", x=1, hidden_link=["2", 0]),
        "2": node("Value", x=["1", 0]),
        "3": node("Show", x=["2", 0]),
    }
    ended = bench.run(prompt, ["3"])
    assert ended.outcome == "error"
    assert ended.error is not None
    assert ended.error.exception_type == "app.graph.errors.DependencyCycle"


def test_created_files_are_noted_before_they_appear(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "output" / "a.png"

    def work(context: RunContext) -> None:
        if context.node_id == "4":
            context.created(file)

    bench.on_call = work
    bench.run(SUM, ["4"], prompt_id="../odd id")
    assert journal_path(bench.folders.state, "../odd id").read_text().splitlines() == [str(file)]


def test_first_event_is_the_start(bench: Bench) -> None:
    bench.run(SUM, ["4"])
    assert isinstance(bench.events[0], ExecutionStarted)
    assert isinstance(bench.events[2], NodeStarted)


def test_a_node_that_ran_out_of_memory_is_called_once_more(bench: Bench) -> None:
    failures = [MemoryError()]

    def fail_once(context: RunContext) -> None:
        if context.node_id == "3" and failures:
            raise failures.pop()

    bench.on_call = fail_once
    ended = bench.run(SUM, ["4"])

    assert ended.outcome == "success"
    assert bench.calls == ["1", "2", "3", "3", "4"]


def test_memory_that_runs_out_twice_is_an_error_that_says_what_to_do(bench: Bench) -> None:
    def fail(context: RunContext) -> None:
        if context.node_id == "3":
            raise MemoryError

    bench.on_call = fail
    ended = bench.run(SUM, ["4"])

    assert bench.calls == ["1", "2", "3", "3"]
    assert ended.error is not None
    assert ended.error.exception_type == "app.inference.memory.model_store.OutOfMemory"
    assert "Make the picture or the batch smaller" in ended.error.message


def test_other_errors_are_not_tried_again(bench: Bench) -> None:
    def fail(context: RunContext) -> None:
        if context.node_id == "3":
            raise ValueError("no")

    bench.on_call = fail
    bench.run(SUM, ["4"])

    assert bench.calls == ["1", "2", "3"]
