"""Inputs that several sampling nodes share."""

from app.graph.node_schema import MAX_SEED, InputSchema
from app.nodes.declare import integer, number

MAX_STEPS = 10000


def seed(name: str) -> InputSchema:
    """The seed of the noise."""
    return integer(
        name,
        default=0,
        low=0,
        high=MAX_SEED,
        control_after_generate=True,
        tooltip="The same seed gives the same noise, and with it the same picture.",
    )


def guidance(name: str, tooltip: str) -> InputSchema:
    """A strength of guidance."""
    return number(name, default=8.0, low=0.0, high=100.0, step=0.1, round=0.01, tooltip=tooltip)


def steps(default: int = 20) -> InputSchema:
    """The number of steps."""
    return integer(
        "steps",
        default=default,
        low=1,
        high=MAX_STEPS,
        tooltip="More steps take longer and refine more.",
    )


def denoise(low: float = 0.0) -> InputSchema:
    """The share of the schedule that is run."""
    return number(
        "denoise",
        default=1.0,
        low=low,
        high=1.0,
        step=0.01,
        tooltip="Share of the noise: below 1 the starting picture shines through.",
    )


CFG = guidance("cfg", "How strongly the picture follows the text; 1 ignores the negative one.")
