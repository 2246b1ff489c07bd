"""Counts wrong credentials per address, so that nobody can try many; used by the access check."""

import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable

LIMIT = 10
WINDOW_S = 60.0
MAX_ADDRESSES = 4096


class FailureLimit:
    """At most `LIMIT` failures per address within `WINDOW_S` seconds; one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Whole seconds until this address may try again; 0 when it may now."""
        recent = self._recent(_network(address))
        if len(recent) < LIMIT:
            return 0
        return max(1, int(recent[0] + WINDOW_S - self._clock() + 0.999))

    def failed(self, address: str) -> None:
        """Count a failure."""
        key = _network(address)
        self._failures.setdefault(key, deque(maxlen=LIMIT)).append(self._clock())
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)

    def _recent(self, key: str) -> deque[float]:
        times = self._failures.get(key, deque())
        while times and times[0] <= self._clock() - WINDOW_S:
            times.popleft()
        return times


def _network(address: str) -> str:
    """The address, or the /64 network of an IPv6 address: a single host commonly owns all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address
