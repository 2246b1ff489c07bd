"""Which function runs which recorded cases; a new fixture module adds its RUNNERS here."""

from tests.integration.nodes.recorded_nodes import (
    control_nets,
    gligen,
    guidance_steps,
    hypernetworks,
    latent_files,
    loader_errors,
    merges,
    network_blocks,
    pictures,
    resolved,
    sampling_parts,
    texts,
    tiles,
    vaes,
)
from tests.integration.nodes.recorded_nodes.calls import Runner, run_plain
from tests.integration.nodes.recorded_nodes.cases import Case, kind

ANY_NODE = "*"

RUNNERS: dict[tuple[str | None, str], Runner] = {
    (None, ANY_NODE): run_plain,
    **control_nets.RUNNERS,
    **gligen.RUNNERS,
    **guidance_steps.RUNNERS,
    **hypernetworks.RUNNERS,
    **latent_files.RUNNERS,
    **loader_errors.RUNNERS,
    **merges.RUNNERS,
    **network_blocks.RUNNERS,
    **pictures.RUNNERS,
    **resolved.RUNNERS,
    **sampling_parts.RUNNERS,
    **texts.RUNNERS,
    **tiles.RUNNERS,
    **vaes.RUNNERS,
}
"""By fixture and node class; an entry for the class goes before one for any."""


def runner_of(case: Case) -> Runner | None:
    """What runs this case; None when its fixture is not written yet."""
    fixture, node = kind(case)
    return RUNNERS.get((fixture, node)) or RUNNERS.get((fixture, ANY_NODE))
