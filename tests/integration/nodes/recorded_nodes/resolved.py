"""Runs the recorded cases that resolve and weigh both sides of a conditioning around a stub network."""

import torch
from torch import Tensor

from app.inference.denoiser import Feed
from app.inference.guidance.predictions import Predictions, Run
from app.inference.hooks.network import NetworkCall, NetworkHooks
from app.inference.model_sampling import families
from tests.integration.nodes.recorded_nodes.calls import Runner, Seen
from tests.integration.nodes.recorded_nodes.cases import Case
from tests.integration.nodes.recorded_nodes.values import value
from tests.unit.inference.toy_model import ToyModel
from tests.unit.nodes.recording_context import RecordingContext


class _StubModel(ToyModel):
    """Predicts a quarter of the latent plus the mean of each entry's text."""

    def denoise(self, x: Tensor, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Tensor:
        return 0.25 * x + feed.context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)


def run(case: Case, context: RecordingContext) -> Seen:
    """Evaluate both sides once at the recorded level."""
    given = {name: value(each) for name, each in case["in"].items()}
    sigma = torch.tensor(given["sigma"])
    ready = Run(model=_StubModel(model_sampling=families.discrete()), latent=given["x"], sigmas=sigma[None])
    predict = Predictions(ready, (given["positive"], given["negative"]), (False, True))
    return {"out": predict(given["x"], sigma, (0, 1))}


RUNNERS: dict[tuple[str | None, str], Runner] = {("resolve", "*"): run}
