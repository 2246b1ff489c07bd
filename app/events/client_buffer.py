"""What one client has yet to receive: bounded for progress and previews, complete for everything else."""

import asyncio
from collections import Counter, deque

from app.events.messages import Message, NodeStates, NodeStep, Preview, ResultPicture

KEPT_PER_KIND: dict[type[Message], int] = {NodeStates: 16, NodeStep: 16, Preview: 2}
"""How many messages of a kind wait for a slow client; a newer one then takes the place of the oldest."""

MOST_WAITING = 10_000
"""A client that is this many messages behind is given up."""

MOST_PICTURE_BYTES = 512 * 1024 * 1024
"""A client that leaves so many bytes of finished pictures waiting is given up."""


class ClientTooSlow(Exception):
    """The client does not take its messages; close it."""


class ClientBuffer:
    """A queue from the hub to one writer."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()
        self._counts: Counter[type[Message]] = Counter()
        self._picture_bytes = 0
        self._filled = asyncio.Event()
        self._overflowed = False

    def put(self, message: Message) -> None:
        """Add a message; never waits. Progress and previews push out the oldest of their kind."""
        kind = type(message)
        limit = KEPT_PER_KIND.get(kind)
        if limit is not None and self._counts[kind] >= limit:
            self._waiting.remove(next(each for each in self._waiting if type(each) is kind))
            self._counts[kind] -= 1
        size = _picture_size(message)
        if len(self._waiting) >= MOST_WAITING or self._picture_bytes + size > MOST_PICTURE_BYTES:
            self._overflowed = True
        else:
            self._waiting.append(message)
            self._counts[kind] += 1
            self._picture_bytes += size
        self._filled.set()

    async def get(self) -> Message:
        """Wait for the next message; raises ClientTooSlow when messages had to be left out."""
        while not self._waiting:
            if self._overflowed:
                raise ClientTooSlow
            self._filled.clear()
            await self._filled.wait()
        message = self._waiting.popleft()
        self._counts[type(message)] -= 1
        self._picture_bytes -= _picture_size(message)
        return message

    def __len__(self) -> int:
        return len(self._waiting)


def _picture_size(message: Message) -> int:
    return len(message.image) if isinstance(message, ResultPicture) else 0
