"""Every node that runs is in a prompt that some test POSTs; a new node fails here until it is in one."""

from app.nodes import other_families
from app.nodes.registry import builtin_nodes
from tests.integration.nodes import test_picture_graphs, test_refused_graphs
from tests.integration.pictures import test_sampling_graph, test_workflows
from tests.integration.pictures.model_graphs import GRAPHS

REFUSING = {node.schema.class_type for node in other_families.NODES}
RUNNING = builtin_nodes().keys() - REFUSING


def posted() -> set[str]:
    """Classes of all nodes in prompts that tests POST and see ending well."""
    files = (test_workflows.workflow(name) for name in test_workflows.NAMES)
    return {
        *(node["class_type"] for prompt in files for node in prompt.values()),
        *test_picture_graphs.CLASSES,
        *(test_sampling_graph.CLASSES - {test_sampling_graph.REFUSED}),
        *(name for make in GRAPHS.values() for name in make().classes),
    }


def test_every_node_that_runs_is_posted_in_a_prompt_that_ends_well() -> None:
    assert RUNNING - posted() == {test_sampling_graph.REFUSED}  # POSTed there, to end with its sentence


def test_every_other_node_is_posted_in_a_prompt_that_is_refused() -> None:
    assert REFUSING == test_refused_graphs.REFUSING
