"""A UNet with the meaning of its output: the denoiser that samplers ask, what a MODEL socket carries."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import torch
from torch import device as Device

from app.inference.conditioning.control import ControlQuestion
from app.inference.conditioning.entry import CondEntry
from app.inference.denoiser import ExtraInputs, Feed
from app.inference.hooks.guidance import NO_GUIDANCE_HOOKS, GuidanceHooks
from app.inference.hooks.joining import joined
from app.inference.hooks.network import (
    NO_NETWORK_HOOKS,
    AroundNetwork,
    NetworkCall,
    NetworkHooks,
)
from app.inference.latents.format import LatentFormat
from app.inference.model_sampling import ModelSampling
from app.inference.models.unet.inputs import NO_EXTRA_INPUTS, UNetInputs
from app.inference.models.unet.walk import UNet
from app.inference.pictures.preview import LatentRgb
from app.inference.types import Latent, Mask
from app.inference.weight_patch import WeightPatch

Network: TypeAlias = Callable[[Latent], Latent]
"""Scaled latent to raw output."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DiffusionModel:
    """A network, what it takes, and everything that was changed about it; implements `Denoiser`.

    Models are values: a node that changes one returns another that shares the network.
    """

    network: UNet
    model_sampling: ModelSampling
    latent_format: LatentFormat
    preview_factors: LatentRgb
    inputs: UNetInputs = NO_EXTRA_INPUTS
    patches: tuple[WeightPatch, ...] = ()
    network_hooks: NetworkHooks = NO_NETWORK_HOOKS
    guidance_hooks: GuidanceHooks = NO_GUIDANCE_HOOKS

    @property
    def channels(self) -> int:
        """Latent channels."""
        return self.network.shape.out_channels

    @property
    def device(self) -> Device:
        """Where the network is."""
        return self.network.device

    @property
    def context_width(self) -> int:
        """Width of the text states that the network attends to."""
        return self.network.shape.context_width

    def with_network_hooks(self, hooks: NetworkHooks) -> "DiffusionModel":
        """The model with further changes inside the network."""
        return replace(self, network_hooks=joined(self.network_hooks, hooks))

    def with_guidance_hooks(self, hooks: GuidanceHooks) -> "DiffusionModel":
        """The model with further changes of guidance."""
        return replace(self, guidance_hooks=joined(self.guidance_hooks, hooks))

    def with_patches(self, patches: tuple[WeightPatch, ...]) -> "DiffusionModel":
        """The model with further changes of its weights, after those it has."""
        return replace(self, patches=self.patches + patches)

    def extra_inputs(
        self, entry: CondEntry, *, negative: bool, latent: Latent, mask: Mask | None
    ) -> ExtraInputs:
        """Size vector and further channels of an entry, where the network takes them; see `Denoiser`."""
        height, width = latent.shape[-2:]
        return ExtraInputs(
            label=self.inputs.label_vector(entry, negative=negative, height=height, width=width),
            channels=self.inputs.channels(
                entry, latent=latent, mask=mask, process_in=self.latent_format.process_in
            ),
        )

    def at_work(self) -> AbstractContextManager[None]:
        """Inside this block the network is on the device and has the model's patches; see `Denoiser`."""
        return self.network.weights.at_work(self.patches)

    def denoise(self, x: Latent, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Latent:
        """Predict the picture without noise, with the model's patches; see `Denoiser`.

        Raises ValueError when the context has another width than the network's cross-attention.
        """
        if feed.context.shape[-1] != self.context_width:
            raise ValueError(
                f"The text states are {feed.context.shape[-1]} wide but this model attends to "
                f"{self.context_width}: use the text encoder that belongs to the model."
            )
        self.network.weights.use(self.patches)
        hooks = joined(self.network_hooks, hooks)
        scaled = self.model_sampling.network_input(x, call.sigma)
        with torch.inference_mode():
            network: Network = partial(self._output, feed=feed, call=call, hooks=hooks)
            for hook in reversed(hooks.around_network):
                network = _around(hook, network, call)
            output = network(scaled)
        return self.model_sampling.denoised(x, call.sigma, output.float())

    def _output(self, scaled: Latent, feed: Feed, call: NetworkCall, hooks: NetworkHooks) -> Latent:
        """The network's raw output for the scaled latent."""
        dtype = self.network.dtype
        timestep = self.model_sampling.timestep(call.sigma).expand(scaled.shape[0])
        x, context = scaled.to(dtype), feed.context.to(dtype)
        label = None if feed.label is None else feed.label.to(dtype)
        residuals = None
        if feed.control is not None:
            net_context = feed.context if feed.control_context is None else feed.control_context
            net_label = feed.label if feed.control_label is None else feed.control_label
            question = ControlQuestion(
                x=x,
                timestep=timestep,
                tokens=net_context.to(dtype),
                label=None if net_label is None else net_label.to(dtype),
                unet=self.network,
                call=call,
            )
            residuals = feed.control.residuals(question)
        if feed.channels is not None:
            x = torch.cat([x, feed.channels.to(dtype)], dim=1)
        return self.network(x, timestep, context, label, call, hooks, residuals)


def _around(hook: AroundNetwork, network: Network, call: NetworkCall) -> Network:
    return lambda scaled: hook(network, scaled, call)
