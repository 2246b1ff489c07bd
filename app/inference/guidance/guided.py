"""One step's answer of a guided model; guiders give it, the driver and some samplers take it."""

from dataclasses import dataclass

from app.inference.types import Latent


@dataclass(frozen=True, slots=True, eq=False)
class Guided:
    """The guided prediction, and the negative side's alone (zero where it was not computed)."""

    denoised: Latent
    negative: Latent
