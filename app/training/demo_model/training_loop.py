"""Runs the stages of one part of the training: clock, learning rate, averages, saving and resuming."""

import logging
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

SAVE_EVERY_S = 90.0
REPORT_EVERY_S = 30.0
_FLOOR = 0.03  # of the learning rate at the end of a stage
_AVERAGE = 0.999


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stretch of training with an optimiser of its own."""

    name: str
    share: float
    """Of the part's time budget."""
    max_steps: int
    """Ends the stage early on fast hardware."""
    rate: float
    warmup: int = 40
    weight_decay: float = 1e-3


class Learner(Protocol):
    """What a part of the training gives to the loop."""

    network: nn.Module

    def loss(self, stage: str, step: int) -> Tensor:
        """Differentiable loss of one fresh batch; the same stage and step give the same batch."""
        ...

    def report(self) -> str:
        """What the losses since the last report were, in words."""
        ...


@dataclass
class _State:
    stage: int = 0
    step: int = 0
    seconds: float = 0.0


class TrainingRun:
    """One part of the training with its file; started again on the same file it goes on where it was."""

    def __init__(self, learner: Learner, stages: Sequence[Stage], file: Path, budget_s: float) -> None:
        self._learner, self._stages, self._file, self._budget_s = learner, stages, file, budget_s
        self._state = _State()
        self._average: dict[str, Tensor] = {}
        self._optimiser = self._new_optimiser()
        if file.exists():
            self._resume()
        self._saved_at = self._reported_at = time.monotonic()

    def run(self) -> None:
        """Train until the last stage ends; afterwards the network holds the averaged weights."""
        while self._state.stage < len(self._stages):
            self._one_stage(self._stages[self._state.stage])
            self._learner.network.load_state_dict(self._average)
            self._average = {}
            self._state = _State(stage=self._state.stage + 1)
            if self._state.stage < len(self._stages):
                self._optimiser = self._new_optimiser()
            self._save()

    def _one_stage(self, stage: Stage) -> None:
        while (progress := self._progress(stage)) < 1:
            started = time.monotonic()
            self._one_step(stage, progress)
            self._state.step += 1
            now = time.monotonic()
            self._state.seconds += now - started
            if now - self._reported_at > REPORT_EVERY_S:
                self._report(stage, now)
            if now - self._saved_at > SAVE_EVERY_S:
                self._save()

    def _one_step(self, stage: Stage, progress: float) -> None:
        step = self._state.step
        warm = min(1.0, (step + 1) / stage.warmup)
        rate = stage.rate * warm * (_FLOOR + (1 - _FLOOR) * (1 + math.cos(math.pi * progress)) / 2)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        loss = self._learner.loss(stage.name, step)
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._learner.network.parameters(), 1.0)
        self._optimiser.step()
        self._follow(step)

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        weights = self._learner.network.state_dict()
        if not self._average:
            self._average = {name: tensor.clone() for name, tensor in weights.items()}
        keep = min(_AVERAGE, (1 + step) / (10 + step))
        for name, tensor in weights.items():
            if tensor.is_floating_point():
                self._average[name].lerp_(tensor, 1 - keep)

    def _progress(self, stage: Stage) -> float:
        return max(
            self._state.seconds / (self._budget_s * stage.share),
            self._state.step / stage.max_steps,
        )

    def _report(self, stage: Stage, now: float) -> None:
        self._reported_at = now
        progress = self._progress(stage)
        left = self._state.seconds * (1 - progress) / max(progress, 1e-6)
        left += sum(later.share for later in self._stages[self._state.stage + 1 :]) * self._budget_s
        logger.info(
            "%s step %d (%.0f %% of the stage, at most %.0f min left in all): %s",
            stage.name,
            self._state.step,
            100 * progress,
            left / 60,
            self._learner.report(),
        )

    def _new_optimiser(self) -> torch.optim.AdamW:
        stage = self._stages[min(self._state.stage, len(self._stages) - 1)]
        return torch.optim.AdamW(
            self._learner.network.parameters(),
            lr=stage.rate,
            betas=(0.9, 0.99),
            weight_decay=stage.weight_decay,
            fused=True,
        )

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        document = {
            "state": vars(self._state),
            "network": self._learner.network.state_dict(),
            "average": self._average,
            "optimiser": self._optimiser.state_dict(),
        }
        unfinished = self._file.with_suffix(".new")
        torch.save(document, unfinished)
        os.replace(unfinished, self._file)  # noqa: PTH105  atomic on every system

    def _resume(self) -> None:
        document: dict[str, Any] = torch.load(self._file, weights_only=True, map_location="cpu")
        self._state = _State(**document["state"])
        self._learner.network.load_state_dict(document["network"])
        device = next(self._learner.network.parameters()).device
        self._average = {name: tensor.to(device) for name, tensor in document["average"].items()}
        self._optimiser = self._new_optimiser()
        self._optimiser.load_state_dict(document["optimiser"])
        logger.info("Going on with %s at stage %d.", self._file.name, self._state.stage + 1)


def averaged_weights(file: Path) -> dict[str, Tensor]:
    """The best weights a training file holds at any moment: averages, or what they became."""
    document: dict[str, Any] = torch.load(file, weights_only=True, map_location="cpu")
    return document["average"] or document["network"]
