"""How long to wait before an executor is started again; asked by the executor task."""

WAITS_S = (0.0, 1.0, 5.0, 30.0)
"""At once the first time, then slower: a broken installation must not keep a core busy."""

STABLE_S = 60.0
"""An executor that lived this long starts a new count."""


class RestartPolicy:
    """Counts deaths in a row."""

    def __init__(self) -> None:
        self._deaths = 0

    def wait_s(self, lived_s: float) -> float:
        """Seconds to wait after an executor died that had been ready for `lived_s`."""
        if lived_s >= STABLE_S:
            self._deaths = 0
        wait_s = WAITS_S[min(self._deaths, len(WAITS_S) - 1)]
        self._deaths += 1
        return wait_s

    def worked(self) -> None:
        """A prompt ended well: the next death is the first again."""
        self._deaths = 0
