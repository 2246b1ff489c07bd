"""The executor process: `python -m app.executor FD` takes commands on an inherited socket until it closes."""

import contextlib
import ctypes
import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

from app.executor.control import Control
from app.protocol.codec import BrokenFrame, decode_command, encode, receive_body
from app.protocol.commands import Command, Configure, Shutdown
from app.protocol.events import Event

LEAVE_S = 5.0
"""Seconds a running node call has to end once the server is gone; then the process ends anyway."""

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run until the server closes the channel or sends Shutdown."""
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole group; the server ends us in order
    die_with_parent()
    channel = socket.socket(fileno=int(sys.argv[1]))
    first = _next(channel)
    if not isinstance(first, Configure):
        sys.exit("the first message has to be a configuration")
    control = Control(first, sender(channel), give_up)
    control.start()
    while True:
        command = _next(channel)
        control.handle(Shutdown() if command is None else command)
        if command is None or isinstance(command, Shutdown):
            break
    control.join(LEAVE_S)
    sys.stdout.flush()
    os._exit(0)  # a device thread that never returns must not keep the process


def sender(channel: socket.socket) -> Callable[[Event], None]:
    """A thread-safe function that writes events to the channel; silent once the server is gone."""
    lock = threading.Lock()

    def send(event: Event) -> None:
        frame = encode(event)
        with lock, contextlib.suppress(OSError):
            channel.sendall(frame)

    return send


def give_up(reason: Exception) -> None:
    """End the process when the device thread cannot go on; the last line of the log is what users see."""
    if isinstance(reason, ModuleNotFoundError):
        sys.stderr.write(f"{reason}; install the inference packages: pip install 'comfy-creator[executor]'\n")
    else:
        sys.stderr.write(f"{type(reason).__name__}: {reason}\n")
    sys.stderr.flush()
    os._exit(1)


def die_with_parent() -> None:
    """On Linux, ask the kernel to kill this process when its parent dies, whatever the device thread does."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _next(channel: socket.socket) -> Command | None:
    body = receive_body(channel)
    if body is None:
        return None
    try:
        return decode_command(body)
    except BrokenFrame as exc:
        sys.exit(f"the server sent something this executor does not understand: {exc}")


if __name__ == "__main__":
    main()
