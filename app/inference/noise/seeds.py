"""Seeds are unsigned 64-bit integers; noise and sampling take them from here."""

SEED_LIMIT = 2**64  # one more than the largest seed


def following_seed(seed: int) -> int:
    """The next seed; after the largest comes 0."""
    return (seed + 1) % SEED_LIMIT
