"""Names for the tensors that travel through inference, with their shapes; every module here uses them."""

from typing import TypeAlias

from torch import Tensor

Latent: TypeAlias = Tensor
"""float32 [batch, channels, h8, w8]; h8 = height / 8; 4 channels in SD1, 16 in Flux."""

Sigmas: TypeAlias = Tensor
"""float32 [steps + 1], falling noise levels, normally ending in 0."""

Sigma: TypeAlias = Tensor
"""float32 scalar tensor, one noise level."""

Tokens: TypeAlias = Tensor
"""float32 [batch, tokens, width], states of a text encoder."""

Pooled: TypeAlias = Tensor
"""float32 [batch, width], one vector for a whole text."""

Mask: TypeAlias = Tensor
"""float32 [batch, height, width] or [batch, 1, height, width], 0 keeps the picture, 1 lets it change."""
