"""A UNet compiled by torch for its device; the TorchCompileModel node puts it into a model."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from app.inference.hooks.network import NO_NETWORK_HOOKS, NetworkCall, NetworkHooks
from app.inference.models.unet.residuals import Residuals
from app.inference.models.unet.walk import UNet
from app.inference.types import Latent, Tokens

_log = logging.getLogger(__name__)


class CompiledUNet(UNet):
    """The same network with its whole walk compiled at the first pass, and again for other sizes.

    A pass with hooks inside the network runs as it is written, since hooks may do what cannot be compiled. So
    does every pass after compiling failed, which a line in the log tells.
    """

    def __init__(self, unet: UNet, backend: str | Callable[..., Any]) -> None:
        """`backend` is the name of one that torch knows, or makes a function of a graph and its inputs."""
        super().__init__(unet.weights, unet.shape)
        self.backend = backend
        self._failed = self._told_of_hooks = False

    @cached_property
    def _compiled(self) -> Callable[..., Tensor]:
        return torch.compile(UNet.__call__, backend=self.backend)  # imports the compiler, which takes seconds

    def __call__(
        self,
        x: Latent,
        timestep: Tensor,
        context: Tokens,
        label: Tensor | None,
        call: NetworkCall,
        hooks: NetworkHooks,
        residuals: Residuals | None = None,
    ) -> Tensor:
        """See `UNet`."""
        if self._failed:
            return super().__call__(x, timestep, context, label, call, hooks, residuals)
        if not _is_plain(hooks):
            if not self._told_of_hooks:
                _log.warning("Nodes change the inside of the network: it is not compiled for them.")
                self._told_of_hooks = True
            return super().__call__(x, timestep, context, label, call, hooks, residuals)
        from torch._dynamo.exc import TorchDynamoException  # slow to import

        try:
            return self._compiled(self, x, timestep, context, label, call, NO_NETWORK_HOOKS, residuals)
        except TorchDynamoException as error:
            reason = " ".join(str(error).splitlines()[:2])
            _log.warning("Compiling with %s failed, the model runs without: %s", self.backend, reason)
            self._failed = True
            return super().__call__(x, timestep, context, label, call, hooks, residuals)


def _is_plain(hooks: NetworkHooks) -> bool:
    """Whether no hook acts inside the network; those around it do not matter."""
    return not (
        hooks.input_block
        or hooks.input_block_after_skip
        or hooks.output_block
        or hooks.around_attention
        or hooks.attention_core
        or hooks.after_self_attention
    )
