"""Headers that every answer carries, errors and static files included; used by app.api.auth."""

from pathlib import PurePosixPath

from starlette.datastructures import MutableHeaders

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
_KEPT = frozenset({200, 201, 202, 203, 204, 205, 206, 301, 308})
_MOVED = frozenset({302, 303, 307})

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
}
_CORS_METHODS = "POST, GET, DELETE, PUT, OPTIONS"
_CORS_HEADERS = "Content-Type, Authorization"


def page_policy(host: str | None) -> str:
    """The Content-Security-Policy: our own files, no inline scripts, sockets to this host only."""
    sockets = f" ws://{host} wss://{host}" if host else ""
    return (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
        f"connect-src 'self' blob:{sockets}; worker-src 'self' blob:; frame-ancestors 'self'; "
        "form-action 'self'; object-src 'none'; base-uri 'none'"
    )


def add_security_headers(headers: MutableHeaders, host: str | None) -> None:
    """Add what is missing; a route may have set a stricter policy of its own."""
    headers.setdefault("Content-Security-Policy", page_policy(host))
    for name, value in _FIXED.items():
        headers.setdefault(name, value)


def add_cors_headers(headers: MutableHeaders, origin: str) -> None:
    """Let the page of this exact origin read the answer."""
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Allow-Credentials"] = "true"
    headers["Access-Control-Allow-Methods"] = _CORS_METHODS
    headers["Access-Control-Allow-Headers"] = _CORS_HEADERS
    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    headers.add_vary_header("Origin")


def add_cache_control(headers: MutableHeaders, path: str, status: int, *, private: bool) -> None:
    """Cache-Control by the path's suffix unless the route set it; `private` answers stay out of proxies."""
    if "cache-control" in headers:
        return
    value = _cache_control(path, status)
    if private:
        value = value.replace("public", "private") if value else "private, no-cache"
    if value:
        headers["Cache-Control"] = value


def _cache_control(path: str, status: int) -> str | None:
    name = PurePosixPath(path)
    if name.suffix in (".js", ".css") or (name.suffix == ".json" and name.name.startswith("index")):
        return "no-cache"
    if name.suffix.lower() not in _PICTURES:
        return None
    if status == 404:
        return "public, max-age=3600"
    if status in _MOVED:
        return "no-cache"
    return "public, max-age=86400" if status in _KEPT else None
