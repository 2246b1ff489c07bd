"""Every input of every node that runs is tried by a test that wants another result, or has a reason here."""

from tests.integration.nodes import (
    test_conditioning_effects,
    test_inputs_matter,
    test_model_changes,
    test_model_inputs_matter,
    test_sampling_inputs_matter,
)
from tests.integration.nodes.recorded_nodes.calls import NODES
from tests.unit.nodes import test_merging

DECLARED = {(name, each.name) for name, node in NODES.items() for each in node.schema.inputs}
REASONS = {
    **test_model_inputs_matter.WITHOUT_EFFECT,
    ("ConditioningSetDefaultCombine", "hooks"): "no node that runs makes hooks",
    **{
        (
            class_type,
            each.name,
        ): "the node ends its prompt with a sentence; test_recorded_schedules.py sees it"
        for class_type in test_sampling_inputs_matter.REFUSED
        for each in NODES[class_type].schema.inputs
    },
}
"""Inputs that change no result, each with the reason."""


def tried() -> set[tuple[str, str]]:
    """Class and name of every input that some test changes to see another result."""
    others = (test_inputs_matter.INPUTS, test_sampling_inputs_matter.INPUTS)
    return {
        *((class_type, each.name) for inputs in others for class_type, each in inputs),
        *((start[2], name) for start, name, _ in test_conditioning_effects.CHANGES),
        *((class_type, name) for _, class_type, name in test_model_inputs_matter.INPUTS),
        *test_model_changes.INPUTS,
        *test_merging.RATIOS,
    }


def test_every_input_is_tried_or_has_a_reason_to_have_no_effect() -> None:
    assert DECLARED - tried() == REASONS.keys()


def test_only_inputs_that_are_there_are_tried() -> None:
    assert tried() <= DECLARED
