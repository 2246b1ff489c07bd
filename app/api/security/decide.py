"""Decides whether a request is answered at all: a pure function of policy and request."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Literal

from app.api.security.addresses import Authority, parse_authority, same_origin
from app.api.security.policy import OPEN_PATHS, AccessPolicy

MAX_HEADER_BYTES = 16 * 1024

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_HOW_TO_SEE_IT = (  # without the path of the base directory: strangers read this
    "On the server's computer, `comfy-creator token` shows it, "
    "with the server's --base-directory if it was given one."
)
_FETCH_METADATA = ("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the decision depends on. `query_token` is the value of `?token=`, None when absent."""

    kind: Literal["http", "websocket"]
    method: str
    scheme: str
    path: str
    headers: Mapping[str, tuple[str, ...]]
    query_token: str | None = None
    blocked_s: int = 0

    def header(self, name: str) -> str | None:
        """The first value of a header by lower-case name."""
        values = self.headers.get(name)
        return values[0] if values else None

    @property
    def header_bytes(self) -> int:
        """Size of the header block."""
        return sum(len(name) + len(value) + 4 for name, values in self.headers.items() for value in values)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The answer to a request that is not let in. `counts` marks a wrong credential."""

    status: int
    code: str
    message: str
    retry_after_s: int | None = None
    counts: bool = False


@dataclass(frozen=True, kw_only=True)
class Admission:
    """The request may go on. `sign_in`: trade `?token=` for a cookie. `cors_origin` may read the answer."""

    host: Authority | None
    sign_in: bool = False
    cors_origin: str | None = None


def decide(policy: AccessPolicy, asked: Asked) -> Admission | Refusal:
    """Let the request in or refuse it; the first rule that is broken names the status."""
    if asked.header_bytes > MAX_HEADER_BYTES:
        return Refusal(status=431, code="headers_too_large", message="The request's headers are too large.")
    host = _host(policy, asked)
    if isinstance(host, Refusal):
        return host
    if asked.kind == "http" and asked.path in OPEN_PATHS and asked.method in READING:
        return Admission(host=host)
    cors = _cors_origin(policy, asked)
    if cors and asked.method == "OPTIONS" and asked.header("access-control-request-method"):
        return Admission(host=host, cors_origin=cors)
    return _known_caller(policy, asked, host, cors)


def _known_caller(
    policy: AccessPolicy, asked: Asked, host: Authority | None, cors: str | None
) -> Admission | Refusal:
    if policy.token is None:
        refusal = _behind_unknown_proxy(asked) or _cross_site(asked, host, cors, script_allowed=True)
        return refusal or _method(asked) or Admission(host=host, cors_origin=cors)
    caller = _credential(policy, asked)
    if isinstance(caller, Refusal):
        return caller
    refusal = None if caller == "bearer" else _cross_site(asked, host, cors, script_allowed=caller == "link")
    sign_in = caller == "link" and asked.kind == "http"
    return refusal or _method(asked) or Admission(host=host, cors_origin=cors, sign_in=sign_in)


def _host(policy: AccessPolicy, asked: Asked) -> Authority | Refusal | None:
    values = asked.headers.get("host", ())
    host = parse_authority(values[0]) if len(values) == 1 else None
    if host is not None and policy.knows_host(host):
        return host
    if policy.token is not None and asked.path in OPEN_PATHS:
        return host  # a health probe cannot know the names that people use
    if host is None:
        return Refusal(status=400, code="bad_host", message="The request needs one well-formed Host header.")
    return Refusal(
        status=421,
        code="wrong_host",
        message="This server does not go by that host name; open it by its address, or name the host in "
        "--allowed-hosts.",
    )


def _credential(policy: AccessPolicy, asked: Asked) -> Literal["bearer", "cookie", "link"] | Refusal:
    authorization = asked.headers.get("authorization", ())
    linked = asked.query_token is not None and (asked.method in READING or asked.kind == "websocket")
    if not authorization and not (linked and asked.query_token):
        return "cookie" if _has_session(policy, asked) else _no_credential()
    if asked.blocked_s:
        return Refusal(
            status=429,
            code="too_many_failures",
            message="Too many wrong tokens from this address; wait before the next try.",
            retry_after_s=asked.blocked_s,
        )
    if authorization:
        scheme, _, token = authorization[0].partition(" ")
        right = len(authorization) == 1 and scheme.lower() == "bearer" and policy.is_token(token)
        return "bearer" if right else _wrong_credential()
    return "link" if policy.is_token(asked.query_token or "") else _wrong_credential()


def _has_session(policy: AccessPolicy, asked: Asked) -> bool:
    for header in asked.headers.get("cookie", ()):
        try:
            morsel = SimpleCookie(header).get(policy.cookie_name)
        except CookieError:
            continue
        if morsel is not None and policy.is_session(morsel.value):
            return True
    return False


def _no_credential() -> Refusal:
    return Refusal(
        status=401,
        code="token_required",
        message="This server demands its token: send it as a Bearer header, or open the address with "
        f"?token=TOKEN. {_HOW_TO_SEE_IT}",
    )


def _wrong_credential() -> Refusal:
    return Refusal(
        status=401,
        code="wrong_token",
        message=f"That is not this server's token. {_HOW_TO_SEE_IT}",
        counts=True,
    )


def _behind_unknown_proxy(asked: Asked) -> Refusal | None:
    if not any(name in asked.headers for name in _FORWARDING):
        return None
    return Refusal(
        status=401,
        code="proxy_without_login",
        message="The request came through a proxy, but this server has no login; start it with "
        "--behind-proxy so that it demands its token.",
    )


def _cross_site(
    asked: Asked, host: Authority | None, cors: str | None, *, script_allowed: bool
) -> Refusal | None:
    """None when the request comes from our page, a trusted one, or (where allowed) none at all."""
    if cors:
        return None
    proof = _same_site_proof(asked, host, proxied=not script_allowed)
    if proof is False:
        return _foreign()
    changes = asked.kind == "websocket" or asked.method not in READING
    if not changes or proof is True:
        return None
    marked = any(name in asked.headers for name in ("origin", "referer", "cookie", *_FETCH_METADATA))
    return _foreign() if marked or not script_allowed else None


def _same_site_proof(asked: Asked, host: Authority | None, *, proxied: bool) -> bool | None:
    """True: our own page. False: somebody else's. None: nothing in the request tells."""
    site, origin = asked.header("sec-fetch-site"), asked.header("origin")
    if len(asked.headers.get("origin", ())) > 1:
        return False
    if origin is not None:
        ours = host is not None and same_origin(origin, host, scheme=asked.scheme, proxied=proxied)
        return ours and site in (None, "same-origin", "none")
    if site is None:
        return None
    if site in ("same-origin", "none"):
        return True
    # a link or a sign-on that returns to us is a navigation; anything else is a foreign page reading us
    return None if asked.header("sec-fetch-mode") == "navigate" and asked.method in READING else False


def _cors_origin(policy: AccessPolicy, asked: Asked) -> str | None:
    origins = asked.headers.get("origin", ())
    return origins[0] if len(origins) == 1 and origins[0] in policy.cors_origins else None


def _foreign() -> Refusal:
    return Refusal(
        status=403,
        code="foreign_page",
        message="A page of another site may not do this; use the editor itself, or send the token as a "
        "Bearer header.",
    )


def _method(asked: Asked) -> Refusal | None:
    if asked.kind == "websocket" or asked.method in METHODS:
        return None
    return Refusal(status=405, code="method_not_allowed", message="This server does not know that method.")
