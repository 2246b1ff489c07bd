"""The exception that ends a run on request; raised by the sampling driver, caught by the executor."""


class Interrupted(Exception):
    """The run was stopped on request; nothing is wrong and the next prompt can start."""
