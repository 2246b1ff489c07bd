"""Comparison of what networks with equal weights answer; tests of loaders use it."""

from torch import Tensor


def nearly_equal(ours: Tensor, theirs: Tensor) -> bool:
    """Whether two answers differ in their last bits at most.

    Weights are mapped from files, and where a tensor lies in memory decides which kernels multiply it.
    """
    return ours.shape == theirs.shape and bool((ours - theirs).abs().max() <= 1e-5 * theirs.abs().max())
