"""What `check_prompt` says about prompts; codes and fields as clients of ComfyUI's API know them."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from app.graph.errors import InputError, PromptRefused
from app.graph.node_schema import InputSchema, NodeSchema, OutputSchema
from app.graph.validate import CheckedPrompt, check_prompt


class Menus:
    """Model files that exist."""

    def choices(self, source: str) -> Sequence[str]:
        return {"models:checkpoints": ["a.safetensors"], "input_images": ["cat.png"]}[source]

    def accepts(self, source: str, value: str) -> bool:
        return value.replace("\\", "/") in self.choices(source)

    def hint(self, source: str) -> str:
        return f"Put it into models/{source.partition(':')[2]}."


def image_in(name: str = "image", **more: Any) -> InputSchema:
    return InputSchema(name=name, type="IMAGE", **more)


IMAGE = (OutputSchema(type="IMAGE", name="IMAGE"),)
SCHEMAS = {
    schema.class_type: schema
    for schema in (
        NodeSchema(class_type="Make", category="t", outputs=IMAGE),
        NodeSchema(class_type="Pass", category="t", inputs=(image_in(),), outputs=IMAGE),
        NodeSchema(class_type="Two", category="t", inputs=(image_in("a"), image_in("b")), outputs=IMAGE),
        NodeSchema(class_type="Save", category="t", inputs=(image_in("images"),), output_node=True),
        NodeSchema(class_type="Text", category="t", outputs=(OutputSchema(type="STRING", name="s"),)),
        NodeSchema(
            class_type="Widgets",
            category="t",
            output_node=True,
            inputs=(
                InputSchema(name="steps", type="INT", options={"min": 1, "max": 10}),
                InputSchema(name="cfg", type="FLOAT", required=False, options={"min": 0.0, "max": 8.0}),
                InputSchema(name="label", type="STRING", required=False),
                InputSchema(name="on", type="BOOLEAN", required=False),
                InputSchema(name="mode", type="COMBO", required=False, choices=("fast", "slow")),
                InputSchema(name="ckpt", type="COMBO", required=False, choices_from="models:checkpoints"),
                InputSchema(name="seed", type="INT", required=False),
            ),
        ),
        NodeSchema(
            class_type="Load",
            category="t",
            output_node=True,
            validates=("image",),
            inputs=(InputSchema(name="image", type="COMBO", choices_from="input_images"),),
        ),
    )
}


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def check(prompt: dict[str, Any], targets: list[str] | None = None) -> CheckedPrompt:
    return check_prompt(prompt, SCHEMAS, Menus(), targets)


def refusal(prompt: dict[str, Any], targets: list[str] | None = None) -> PromptRefused:
    with pytest.raises(PromptRefused) as caught:
        check(prompt, targets)
    return caught.value


def only_error(refused: PromptRefused, node_id: str) -> InputError:
    (error,) = refused.node_errors[node_id].errors
    return error


def test_valid_prompt_names_its_output_nodes() -> None:
    checked = check({"1": node("Make"), "2": node("Save", images=["1", 0])})
    assert checked.targets == ("2",)
    assert checked.node_errors == {}


def test_targets_limit_the_run() -> None:
    prompt = {"1": node("Make"), "2": node("Save", images=["1", 0]), "3": node("Save", images=["1", 0])}
    assert check(prompt, ["3"]).targets == ("3",)
    assert refusal(prompt, []).type == "prompt_no_outputs"
    assert refusal(prompt, ["1"]).type == "prompt_no_outputs"


def test_no_output_node() -> None:
    assert refusal({"1": node("Make")}).type == "prompt_no_outputs"
    assert refusal({}).type == "prompt_no_outputs"


@pytest.mark.parametrize(
    "bad", [{"inputs": {}}, {"class_type": "Gone", "inputs": {}}, "text", {"class_type": 3}]
)
def test_unknown_class_is_named_even_when_nothing_needs_it(bad: Any) -> None:
    refused = refusal({"1": node("Make"), "2": node("Save", images=["1", 0]), "7": bad})
    assert refused.type == "missing_node_type"
    assert refused.details == "Node ID '#7'"
    assert refused.extra_info["node_id"] == "7"


def test_unknown_class_shows_the_title() -> None:
    refused = refusal({"7": {"class_type": "Gone", "inputs": {}, "_meta": {"title": "My sampler"}}})
    assert refused.extra_info == {"node_id": "7", "class_type": "Gone", "node_title": "My sampler"}


def test_missing_input_is_told_at_its_node_with_the_outputs_it_blocks() -> None:
    refused = refusal({"1": node("Pass"), "2": node("Save", images=["1", 0])})
    assert refused.type == "prompt_outputs_failed_validation"
    assert refused.details == ""
    assert list(refused.node_errors) == ["1"]
    assert refused.node_errors["1"].dependent_outputs == ["2"]
    assert refused.node_errors["1"].class_type == "Pass"
    error = only_error(refused, "1")
    assert (error.type, error.details, error.extra_info) == (
        "required_input_missing",
        "image",
        {"input_name": "image"},
    )


def test_errors_on_an_output_node_are_in_the_details() -> None:
    refused = refusal({"2": node("Save")})
    error = only_error(refused, "2")
    assert refused.details == f"{error.message}: images"


def test_valid_outputs_run_although_others_do_not() -> None:
    checked = check({"1": node("Make"), "2": node("Save", images=["1", 0]), "3": node("Save")})
    assert checked.targets == ("2",)
    assert checked.node_errors["3"].dependent_outputs == ["3"]


def test_nodes_that_no_output_needs_are_not_judged() -> None:
    assert check({"1": node("Make"), "2": node("Save", images=["1", 0]), "9": node("Pass")}).node_errors == {}


@pytest.mark.parametrize("bad", [[], ["1"], ["1", 0, 0], [1, 0], ["1", "0"], ["1", True]])
def test_bad_link(bad: list[Any]) -> None:
    error = only_error(refusal({"1": node("Make"), "2": node("Save", images=bad)}), "2")
    assert error.type == "bad_linked_input"
    assert error.extra_info == {"input_name": "images", "input_config": ["IMAGE", {}], "received_value": bad}


def test_type_mismatch() -> None:
    error = only_error(refusal({"1": node("Text"), "2": node("Save", images=["1", 0])}), "2")
    assert error.type == "return_type_mismatch"
    assert error.details == "images, received_type(STRING) mismatch input_type(IMAGE)"
    assert error.extra_info["linked_node"] == ["1", 0]


@pytest.mark.parametrize(
    ("link", "exception"), [(["9", 0], "KeyError"), (["1", 1], "IndexError"), (["1", -1], "IndexError")]
)
def test_link_to_nothing(link: list[Any], exception: str) -> None:
    on_output = only_error(refusal({"1": node("Make"), "2": node("Save", images=link)}), "2")
    assert on_output.type == "exception_during_validation"
    assert on_output.extra_info["exception_type"] == exception
    upstream = refusal({"1": node("Make"), "2": node("Pass", image=link), "3": node("Save", images=["2", 0])})
    inner = only_error(upstream, "2")
    assert inner.type == "exception_during_inner_validation"
    assert inner.extra_info["input_name"] == "images"
    assert inner.extra_info["linked_node"] == ["2", 0]


def test_output_node_without_inputs() -> None:
    assert only_error(refusal({"2": {"class_type": "Save"}}), "2").type == "exception_during_validation"


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("steps", "4", 4),
        ("steps", 4.0, 4),
        ("cfg", "7.5", 7.5),
        ("cfg", 4, 4.0),
        ("label", 12, "12"),
        ("on", 1, True),
        ("on", "", False),
        ("label", {"__value__": "x"}, "x"),
        ("seed", 18446744073709551615, 18446744073709551615),
    ],
)
def test_literals_are_converted(name: str, sent: Any, stored: Any) -> None:
    inputs = {"steps": 1, name: sent}
    value = check({"1": node("Widgets", **inputs)}).prompt["1"]["inputs"][name]
    assert value == stored
    assert type(value) is type(stored)
    assert inputs[name] == sent  # the caller's prompt stays as it was


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("steps", "four"),
        ("steps", None),
        ("steps", float("nan")),
        ("cfg", float("inf")),
        ("cfg", {}),
        ("seed", 2**64),
        ("seed", -(2**63) - 1),
    ],
)
def test_literal_of_the_wrong_kind(name: str, sent: Any) -> None:
    error = only_error(refusal({"1": node("Widgets", **{"steps": 1, name: sent})}), "1")
    assert error.type == "invalid_input_type"
    assert error.extra_info["input_name"] == name
    assert "exception_message" in error.extra_info


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(0, "value_smaller_than_min"), (1, None), (10, None), (11, "value_bigger_than_max")],
)
def test_range_is_inclusive(steps: int, expected: str | None) -> None:
    prompt = {"1": node("Widgets", steps=steps)}
    if expected is None:
        assert check(prompt).targets == ("1",)
    else:
        error = only_error(refusal(prompt), "1")
        assert error.type == expected
        assert error.extra_info["received_value"] == steps


def test_choice_outside_the_menu() -> None:
    error = only_error(refusal({"1": node("Widgets", steps=1, mode="odd")}), "1")
    assert error.type == "value_not_in_list"
    assert error.details == "mode: 'odd' not in ['fast', 'slow']"
    assert error.extra_info["input_config"] == [["fast", "slow"], {}]


def test_missing_model_says_where_to_put_it() -> None:
    error = only_error(refusal({"1": node("Widgets", steps=1, ckpt="b.safetensors")}), "1")
    assert error.type == "value_not_in_list"
    assert "models/checkpoints" in error.message


def test_backslash_in_a_model_name() -> None:
    class SubFolders(Menus):
        def choices(self, source: str) -> Sequence[str]:
            return ["sub/a.safetensors"]

    prompt = {"1": node("Widgets", steps=1, ckpt="sub\\a.safetensors")}
    assert check_prompt(prompt, SCHEMAS, SubFolders()).targets == ("1",)


@pytest.mark.parametrize(("count", "shown"), [(20, "['0'"), (21, "(list of length 21)")])
def test_long_menus_are_not_listed(count: int, shown: str) -> None:
    class Many(Menus):
        def choices(self, source: str) -> Sequence[str]:
            return [str(i) for i in range(count)]

    with pytest.raises(PromptRefused) as caught:
        check_prompt({"1": node("Widgets", steps=1, ckpt="x")}, SCHEMAS, Many())
    error = only_error(caught.value, "1")
    assert shown in error.details
    assert (error.extra_info["input_config"] is None) == (count > 20)


def test_named_file_is_checked_by_existence() -> None:
    assert check({"1": node("Load", image="cat.png")}).targets == ("1",)
    assert only_error(refusal({"1": node("Load", image="dog.png")}), "1").type == "custom_validation_failed"


def test_all_errors_come_at_once() -> None:
    refused = refusal({"1": node("Widgets", steps=0, cfg=9.0, mode="odd")})
    assert [error.type for error in refused.node_errors["1"].errors] == [
        "value_smaller_than_min",
        "value_bigger_than_max",
        "value_not_in_list",
    ]


def test_cycle_is_told_on_every_node_of_it() -> None:
    refused = refusal(
        {
            "a": node("Pass", image=["b", 0]),
            "b": node("Pass", image=["a", 0]),
            "s": node("Save", images=["a", 0]),
        }
    )
    assert set(refused.node_errors) == {"a", "b"}
    error = only_error(refused, "a")
    assert error.type == "dependency_cycle"
    assert error.details == "a (Pass) -> b (Pass) -> a (Pass)"
    assert error.extra_info == {"node_id": "a", "cycle_nodes": ["a", "b"]}


def test_node_linked_to_itself() -> None:
    refused = refusal({"a": node("Pass", image=["a", 0]), "s": node("Save", images=["a", 0])})
    assert only_error(refused, "a").details == "a (Pass) -> a (Pass)"


def test_long_chain_and_deep_diamonds_are_linear() -> None:
    chain: dict[str, Any] = {"0": node("Make")}
    chain |= {str(i): node("Pass", image=[str(i - 1), 0]) for i in range(1, 10_000)}
    chain["s"] = node("Save", images=["9999", 0])
    diamonds: dict[str, Any] = {"0": node("Make")}
    diamonds |= {str(i): node("Two", a=[str(i - 1), 0], b=[str(i - 1), 0]) for i in range(1, 41)}
    diamonds["s"] = node("Save", images=["40", 0])
    started = time.process_time()
    assert check(chain).targets == check(diamonds).targets == ("s",)
    assert time.process_time() - started < 1  # seconds of CPU; exponential work would take years
