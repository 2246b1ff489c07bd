"""Decides what a file is from its first bytes, never from its name; used where files are served or taken."""

SNIFFED_BYTES = 4096
"""How many leading bytes `content_type` looks at."""

PLAIN = "application/octet-stream"
SVG = "image/svg+xml"

_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {b"avif": "image/avif", b"avis": "image/avif", b"qt  ": "video/quicktime", b"M4A ": "audio/mp4"}


def content_type(head: bytes) -> str:
    """The type of a file that begins with `head`: a known picture, sound, film, SVG, else octet-stream."""
    for prefix, kind in _PREFIXES:
        if head.startswith(prefix):
            return kind
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12], PLAIN)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    return SVG if _is_svg(head) else PLAIN


def is_media(kind: str) -> bool:
    """Whether a type from `content_type` may be shown in a page: pictures without scripts, sound, film."""
    return kind != SVG and kind.partition("/")[0] in ("image", "audio", "video")


def _is_svg(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith(b"<svg") or (
        text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text
    )
