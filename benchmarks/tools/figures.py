"""Prints a measured figure beside its target; every benchmark calls it. A miss is shown, never an error."""


def show(
    name: str, value: float, unit: str, *, at_most: float | None = None, at_least: float | None = None
) -> None:
    """One line: the figure, its target if there is one, and whether it was met."""
    line = f"{name:<58} {value:>10.3f} {unit:<10}"
    if at_most is not None:
        line += f" target <= {at_most:g}  {'met' if value <= at_most else 'MISSED'}"
    if at_least is not None:
        line += f" target >= {at_least:g}  {'met' if value >= at_least else 'MISSED'}"
    print(line, flush=True)
