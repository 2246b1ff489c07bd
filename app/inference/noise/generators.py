"""Where the randomness of a picture comes from: its initial noise and the noise of stochastic samplers."""

from collections.abc import Sequence

import torch
from torch import device as Device

from app.inference.noise.brownian_tree import BrownianTree
from app.inference.types import Latent, Sigma, Sigmas


def initial_noise(latent: Latent, seed: int, batch_index: Sequence[int] | None = None) -> Latent:
    """Standard normal noise of the latent's shape and dtype, always drawn on the CPU.

    The global generator is reseeded, so that later draws from it continue this stream. `batch_index` names,
    for each picture of the batch, the place it once had in a larger batch: noises are drawn one by one up to
    the largest place and handed out by it, so a picture taken out of a batch keeps its noise.
    """
    generator = torch.manual_seed(seed)
    if batch_index is None:
        return torch.randn(latent.shape, generator=generator, dtype=latent.dtype)
    shape = (1, *latent.shape[1:])
    draws = [torch.randn(shape, generator=generator, dtype=latent.dtype) for _ in range(max(batch_index) + 1)]
    return torch.cat([draws[index] for index in batch_index])


def no_noise(latent: Latent, seed: int) -> Latent:
    """Zeros of the latent's shape, for one that is noisy already.

    The global generator is reseeded all the same: what changes of the network draw from it (HyperTile, token
    merging) shall not depend on what ran before.
    """
    torch.manual_seed(seed)
    return torch.zeros(latent.shape)


def seeded_noise(like: Latent, seed: int) -> Latent:
    """float32 noise of the shape of `like` from a CPU generator of its own."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))


class GaussianNoise:
    """Independent noise for every step, from a generator on the device of the sample.

    On the CPU its first draw equals the initial noise of the same seed. People's seeds depend on that.
    """

    def __init__(self, x: Latent, seed: int) -> None:
        self._shape = x.shape
        self._device = x.device
        self._generator = torch.Generator(x.device).manual_seed(seed)

    def __call__(self) -> Latent:
        """float32 noise of the sample's full shape."""
        return torch.randn(self._shape, generator=self._generator, device=self._device)


class BrownianNoise:
    """Noise that belongs to one path of Brownian motion over sigma: more steps refine the same picture.

    The tree spans the positive levels of `sigmas`. It lives on the CPU, or where the sample is with `on_cpu`
    false; the numbers differ between devices. It rounds times to six decimals, so levels must arrive as the
    float32 numbers of the schedule.
    """

    def __init__(self, x: Latent, sigmas: Sigmas, seed: int, *, on_cpu: bool = True) -> None:
        lowest, highest = sigmas[sigmas > 0].min().item(), sigmas.max().item()
        self._device = x.device
        self._tree = BrownianTree(lowest, highest, x.shape, Device("cpu") if on_cpu else x.device, seed)

    def __call__(self, sigma: Sigma, sigma_next: Sigma) -> Latent:
        """Increment between two levels, scaled to unit variance; its sign turns with the order of the two."""
        low, high = sorted(self._on_tree(level) for level in (sigma, sigma_next))
        increment = self._tree.motion(low, high).to(self._device)
        sign = 1 if sigma < sigma_next else -1
        return increment * sign / (sigma_next - sigma).abs().sqrt()

    def _on_tree(self, sigma: Sigma) -> float:
        """The ends of the tree are rounded, so the first and last level may lie a hair outside."""
        return min(max(sigma.item(), self._tree.start), self._tree.end)
