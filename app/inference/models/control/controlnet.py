"""ControlNets of UNet families: a copy of the UNet's encoder that sees a picture; Zhang et al. 2023."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch import device as Device

from app.inference.conditioning.control import ControlDoesNotFit, ControlQuestion
from app.inference.conditioning.hint import fitted_hint
from app.inference.hooks.network import NO_NETWORK_HOOKS
from app.inference.models.control.controlnet_shape import ControlNetShape
from app.inference.models.unet.blocks import Pass, input_blocks, run_block, run_middle, time_and_label
from app.inference.models.unet.residuals import Residuals
from app.inference.models.weights import PatchedWeights
from app.inference.pictures.images import Image
from app.inference.weight_patch import WeightPatch

if TYPE_CHECKING:
    from diffusers.models.controlnets.controlnet import ControlNetModel

CELL = 8  # pixels per latent cell


class ControlEncoder:
    """The network as a function: features of the picture in, residuals out."""

    def __init__(
        self, network: "ControlNetModel", shape: ControlNetShape, device: Device, dtype: torch.dtype
    ) -> None:
        self.network, self.shape, self.device, self.dtype = network, shape, device, dtype
        self._inputs = input_blocks(network)

    def features(self, picture: Image, question: ControlQuestion) -> Tensor:
        """What is added behind the first convolution: [n, C, h8, w8] for n pictures."""
        self._check(question)
        height, width = (cells * CELL for cells in question.x.shape[-2:])
        hint = fitted_hint(picture, height, width, self.shape.hint_channels)
        network: Any = self.network
        return network.controlnet_cond_embedding(hint.to(self.device, self.dtype))

    def __call__(self, features: Tensor, question: ControlQuestion) -> Residuals:
        """Residuals for every skip tensor and the middle block, in the UNet's dtype."""
        network: Any = self.network
        given = Pass(
            embedding=time_and_label(network, question.timestep, self._label(question), self.dtype),
            context=question.tokens.to(self.dtype),
            call=question.call,
            hooks=NO_NETWORK_HOOKS,
        )
        h = network.conv_in(question.x.to(self.dtype)) + question.for_batch(features)
        skips: list[Tensor] = []
        for block, out in zip(self._inputs, network.controlnet_down_blocks, strict=True):
            if block.number > 0:
                h = run_block(block, h, given, "input")
            skips.append(out(h).to(question.x.dtype))
        middle = network.controlnet_mid_block(run_middle(network.mid_block, h, given))
        return Residuals(skips=tuple(skips), middle=middle.to(question.x.dtype))

    def _label(self, question: ControlQuestion) -> Tensor | None:
        if self.shape.unet.label_width is None or question.label is None:
            return None
        return question.label.to(self.dtype)

    def _check(self, question: ControlQuestion) -> None:
        own, other = self.shape.unet, question.unet.shape
        label_width = None if question.label is None else question.label.shape[-1]
        fits = (
            [level.channels for level in own.levels] == [level.channels for level in other.levels]
            and self.shape.context_width in (None, question.tokens.shape[-1])
            and own.label_width in (None, label_width)
        )
        if not fits:
            raise ControlDoesNotFit(
                "The ControlNet was made for models of another family than the one that samples: "
                "use one for the model's family."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class UNetControlNet:
    """A ControlNet as a CONTROL_NET socket carries it; implements `ControlNet`.

    `patches` complete the weights of files that hold differences. `averages`: residuals are replaced by
    their means over the picture, for nets that transfer content.
    """

    weights: "PatchedWeights[ControlNetModel]"
    encoder: ControlEncoder
    patches: tuple[WeightPatch, ...] = ()
    averages: bool = False
    takes_mask: bool = False

    def with_types(self, types: tuple[int, ...]) -> "UNetControlNet":
        """The net knows one type of picture only."""
        return self

    def prepared(self, picture: Image, question: ControlQuestion) -> Tensor:
        """Features of the picture."""
        with self.weights.at_work(self.patches):
            return self.encoder.features(picture, question)

    def residuals(self, prepared: Tensor, question: ControlQuestion) -> Residuals:
        """See `ControlNet`."""
        with self.weights.at_work(self.patches):
            found = self.encoder(prepared, question)
        return averaged(found) if self.averages else found


def averaged(residuals: Residuals) -> Residuals:
    """Every residual replaced by its mean over the picture."""
    return Residuals(skips=tuple(_mean(each) for each in residuals.skips), middle=_mean(residuals.middle))


def _mean(residual: Tensor | None) -> Tensor | None:
    return None if residual is None else residual.mean(dim=(2, 3), keepdim=True).expand_as(residual)
