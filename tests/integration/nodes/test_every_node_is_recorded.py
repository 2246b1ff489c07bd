"""Every node that runs gives what was recorded of it in some test, or is compared with what is named here."""

from tests.integration.nodes import test_recorded_nodes, test_recorded_pipelines
from tests.integration.nodes.recorded_nodes.calls import NODES
from tests.unit.inference.golden import golden

OTHERWISE = {
    "CLIPLoader": "the states of the encoder that was saved: test_model_saving.py",
    "CLIPSave": "the tensors of the file it was loaded from: test_model_saving.py",
    "CheckpointLoader": "the picture of the file without a config: test_older_loaders.py",
    "CheckpointSave": "the bits of the file it was loaded from: test_model_saving.py",
    "DiffusersLoader": "the picture of the single file: test_older_loaders.py",
    "DualCLIPLoader": "the picture of the checkpoint that the encoders are from: test_model_graphs.py",
    "GITSScheduler": "refused: its levels are not there: test_recorded_schedules.py",
    "LoadImageOutput": "LoadImage for another folder: test_picture_files.py",
    "ModelSave": "the bits of the file it was loaded from: test_model_saving.py",
    "RenormCFG": "its formula: test_rules.py",
    "SaveImageWebsocket": "the pixels that it was given: test_picture_files.py",
    "TorchCompileModel": "the numbers of the model as it was: test_compiled_unet.py",
    "VAESave": "the bits of the file it was loaded from: test_model_saving.py",
    "WebcamCapture": "LoadImage for another folder: test_picture_files.py",
}
"""Nodes of which no result is recorded, and what theirs is compared with instead."""


def recorded() -> set[str]:
    """Classes of which some test compares recorded results."""
    return {
        *(case["node"] for case in test_recorded_nodes.RUNNING),
        *(node["class_type"] for case in test_recorded_pipelines.CASES for node in case.prompt.values()),
        *(case["node"] for case in golden("samplers_more")["cases"]),
    }


def test_every_node_is_recorded_or_compared_otherwise() -> None:
    assert NODES.keys() - recorded() == OTHERWISE.keys()
