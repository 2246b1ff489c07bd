"""Parses Host and Origin headers strictly: what does not parse is refused, never guessed at."""

import ipaddress
import re
from dataclasses import dataclass

_AUTHORITY = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?::(?P<port>[0-9]{1,5}))?"
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@\\\s]+)")


@dataclass(frozen=True, slots=True)
class Authority:
    """Host name in lower case (addresses without brackets) and port, None when it was not written."""

    name: str
    port: int | None


def parse_authority(text: str) -> Authority | None:
    """The host and port of a Host header, or None when it is malformed."""
    match = _AUTHORITY.fullmatch(text)
    if match is None or len(text) > 300:
        return None
    name, port = match["name"].lower(), match["port"]
    if name.startswith("["):
        try:
            name = str(ipaddress.IPv6Address(name[1:-1]))
        except ValueError:
            return None
    if port is not None and not 0 < int(port) < 65536:
        return None
    return Authority(name, int(port) if port else None)


def same_origin(origin: str, host: Authority, *, scheme: str, proxied: bool) -> bool:
    """Whether an Origin header names this very server, as the request's Host and scheme say it.

    A proxy that ends TLS speaks http to us: if `proxied`, an https origin matches a Host without a port.
    """
    match = _ORIGIN.fullmatch(origin)
    theirs = parse_authority(match["authority"]) if match else None
    if match is None or theirs is None or theirs.name != host.name:
        return False
    default = {"http": 80, "https": 443, "ws": 80, "wss": 443}
    origin_port = theirs.port or default[match["scheme"]]
    if host.port is not None:
        return origin_port == host.port
    return origin_port == default.get(scheme) or (proxied and origin_port == 443)


def is_loopback(name: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
