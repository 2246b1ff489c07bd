"""Who may talk to this server: built once by wiring from the bind addresses, read by the access check."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.api.security.addresses import Authority, is_loopback
from app.api.security.token_file import read_or_make_token

OPEN_PATHS = frozenset({"/healthz"})
"""Paths that answer without credentials."""


class BadPolicy(Exception):
    """The settings about hosts and origins contradict the rules that keep strangers out."""


@dataclass(frozen=True, kw_only=True)
class AccessPolicy:
    """Rules for hosts, origins and credentials.

    With a `token` every route demands it; without one (loopback binds) only requests from this machine that
    name it as their host are answered. `allowed_hosts` are further exact host names. `cors_origins` are the
    exact origins of foreign pages that may call the routes.
    """

    token: str | None = None
    allowed_hosts: frozenset[str] = frozenset()
    cors_origins: frozenset[str] = frozenset()
    port: int = 8188

    @classmethod
    def for_bind(
        cls,
        *,
        listen: Sequence[str],
        token_file: Path,
        port: int = 8188,
        allowed_hosts: Sequence[str] = (),
        cors_origin: str | None = None,
        demand_token: bool = False,
    ) -> "AccessPolicy":
        """The policy for a server that listens on these addresses.

        Any address but loopback ones demands the token in `token_file`, which is made if need be; so does
        `demand_token` (a server behind a proxy). Raises BadPolicy, BadToken, OSError.
        """
        exposed = demand_token or not all(is_loopback(each) for each in listen)
        origins = frozenset(
            each.strip().rstrip("/") for each in (cors_origin or "").split(",") if each.strip()
        )
        if "*" in origins or "null" in origins:
            raise BadPolicy(
                "Cross-origin access needs exact origins such as https://example.org, not * or null."
            )
        return cls(
            token=read_or_make_token(token_file) if exposed else None,
            allowed_hosts=frozenset(each.lower() for each in allowed_hosts),
            cors_origins=origins,
            port=port,
        )

    def knows_host(self, host: Authority) -> bool:
        """Whether this server goes by that name."""
        if is_loopback(host.name) or host.name in self.allowed_hosts:
            return True
        return self.token is not None and not self.allowed_hosts

    @property
    def cookie_name(self) -> str:
        """Cookies are shared between the ports of a host, so each server has its own."""
        return f"comfy_creator_{self.port}"

    def is_token(self, candidate: str) -> bool:
        """Whether `candidate` is the token; takes the same time for every wrong one."""
        return self.token is not None and hmac.compare_digest(candidate.encode(), self.token.encode())

    def new_session(self) -> str:
        """A cookie value that proves that its holder once had the token, without being the token."""
        session = secrets.token_urlsafe(16)
        return f"{session}.{self._proof(session)}"

    def is_session(self, cookie: str) -> bool:
        """Whether `cookie` was made by `new_session` under the present token."""
        session, _, proof = cookie.partition(".")
        return self.token is not None and hmac.compare_digest(proof.encode(), self._proof(session).encode())

    def _proof(self, session: str) -> str:
        key = f"session:{self.token}".encode()
        return hmac.new(key, session.encode(), hashlib.sha256).hexdigest()
