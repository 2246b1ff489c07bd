"""Control nets as conditioning carries them: what they are asked and what they answer; guidance asks."""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from app.inference.errors import WrongInput
from app.inference.hooks.network import NetworkCall
from app.inference.models.unet.residuals import Residuals
from app.inference.models.unet.walk import UNet
from app.inference.pictures.images import Image
from app.inference.types import Latent, Mask, Tokens


class ControlDoesNotFit(WrongInput):
    """A control net was made for models of another family."""

    code = "control_does_not_fit"


@dataclass(frozen=True, kw_only=True, eq=False)
class ControlQuestion:
    """What the UNet is about to be fed, for all chunks of the batch that carry the same net.

    `x` [B, C, h8, w8] is the scaled noisy latent in the network's dtype without extra channels, `timestep`
    [B]. `tokens` [B, T, width] and `label` [B, adm] are those of the UNet, unless the conditioning has texts
    for the net alone. `unet` is the network that will be fed; some nets share its weights.
    """

    x: Latent
    timestep: Tensor
    tokens: Tokens
    label: Tensor | None
    unet: UNet
    call: NetworkCall

    def for_batch(self, items: Tensor) -> Tensor:
        """`items` [n, ...] for every picture of each equal chunk of the batch, dealt out in turn."""
        chunks = len(self.call.sides)
        pictures = len(self.x) // chunks
        if len(items) == 1:
            return items.expand(len(self.x), *items.shape[1:])
        rounds = -(-pictures // len(items))
        return items.repeat(rounds, *[1] * (items.dim() - 1))[:pictures].repeat(
            chunks, *[1] * (items.dim() - 1)
        )


class Control(Protocol):
    """A control net with its picture, strength and range, and the nets before it in the chain."""

    def residuals(self, question: ControlQuestion) -> Residuals | None:
        """The sum over the whole chain at this level; None when no net of it is in its range."""
        ...


class ControlNet(Protocol):
    """A network that steers a UNet by a picture; what a CONTROL_NET socket carries."""

    @property
    def takes_mask(self) -> bool:
        """Whether the net takes a mask next to its picture."""
        ...

    def with_types(self, types: tuple[int, ...]) -> "ControlNet":
        """The net told what kinds of pictures it gets (union nets); others stay as they are."""
        ...

    def prepared(self, picture: Image, question: ControlQuestion) -> Any:
        """What depends on the picture and the latent's size alone; computed once a run."""
        ...

    def residuals(self, prepared: Any, question: ControlQuestion) -> Residuals:
        """What is added to the UNet at strength 1."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class AppliedControl:
    """One link of a chain of control nets; implements `Control`.

    `picture` [B, H, W, 3] of any size; `mask` [B, 1, H, W], 1 = keep, and `vae` are there for nets that take
    them. The net acts from `start_percent` to `end_percent` (0..1) of the schedule.
    """

    net: ControlNet
    picture: Image
    strength: float
    start_percent: float = 0.0
    end_percent: float = 1.0
    previous: Control | None = None
    mask: Mask | None = None
    vae: Any = None

    def residuals(self, question: ControlQuestion) -> Residuals | None:
        """See `Control`; a net out of its range hands on what came before it."""
        earlier = None if self.previous is None else self.previous.residuals(question)
        sampling = question.call.model_sampling
        first, last = (sampling.percent_to_sigma(each) for each in (self.start_percent, self.end_percent))
        if not last <= question.call.sigma.item() <= first:
            return earlier
        own = self.net.residuals(self._prepared(question), question).times(self.strength)
        return own if earlier is None else own.plus(earlier)

    def _prepared(self, question: ControlQuestion) -> Any:
        memory, key = question.call.memory, (self, tuple(question.x.shape[-2:]))
        if key not in memory:
            memory[key] = self.net.prepared(self.picture, question)
        return memory[key]
