"""The file routes: containment over HTTP, stored content, media bombs, overwriting, encoded slashes."""

import asyncio
import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import psutil
import pytest
from httpx import Response
from PIL import Image

from app.files.png_metadata import read_png_text
from tests.integration.security.running_app import Running

NASTY = [
    "/etc/passwd",
    "../../secret.txt",
    "..%2f..%2fsecret.txt",
    "%2e%2e/%2e%2e/secret.txt",
    "%2e%2e%2f%2e%2e%2fsecret.txt",
    "..%5c..%5csecret.txt",
    "..\\..\\secret.txt",
    "....//....//secret.txt",
    "%00",
    "a.png%00.txt",
    "%252e%252e%252fsecret.txt",
    "link%2fsecret.txt",
    "link/secret.txt",
    "C:%5csecret.txt",
    "%5c%5chost%5cshare%5cx",
    "%c0%ae%c0%ae%2fsecret.txt",
    "%ff%fe",
    "x" * 5000,
    "CON",
    ".",
    "..",
    "%2f",
]
SECRET = b"the secret"


def png(size: tuple[int, int] = (8, 6), color: str = "red", mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, "PNG", **options)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 4000)) + chunk(b"IEND", b"")


@pytest.fixture
def canary(local: Running) -> Path:
    """A file beside the data folders, with links to its folder in every served root."""
    secret = local.folders.base.parent / "secret.txt"
    secret.write_bytes(SECRET)
    (local.folders.base / "secret.txt").write_bytes(SECRET)
    user = local.folders.user / "default"
    user.mkdir()
    checkpoints = local.folders.base / "models" / "checkpoints"
    for root in (local.folders.input, local.folders.output, local.folders.temp, user, checkpoints):
        (root / "link").symlink_to(secret.parent)
    return secret


def assert_untouched(running: Running, secret: Path) -> None:
    assert secret.read_bytes() == SECRET
    assert (running.folders.base / "secret.txt").read_bytes() == SECRET
    assert sorted(each.name for each in secret.parent.iterdir()) == ["base", "secret.txt"]


async def upload(running: Running, content: bytes, name: str = "a.png", **fields: str) -> Response:
    files = {"image": (name, content, "image/png")}
    return await running.http.post("/upload/image", files=files, data=fields)


@pytest.mark.parametrize("name", NASTY, ids=lambda name: name[:30])
async def test_no_route_reads_or_changes_what_lies_outside(local: Running, canary: Path, name: str) -> None:
    paths = [
        f"/view?filename={name}",
        f"/view?type=input&filename={name}",
        f"/view?filename=secret.txt&subfolder={name}",
        f"/view?filename=secret.txt&type={name}",
        f"/userdata/{name}",
        f"/userdata?dir={name}",
        f"/v2/userdata?path={name}",
        f"/models/{name}",
        f"/experiment/models/{name}",
        f"/experiment/models/preview/checkpoints/0/{name}",
        f"/view_metadata/checkpoints?filename={name}",
        f"/internal/files/{name}",
        f"/api/v1/templates/{name}",
        f"/api/v1/templates/{name}/picture",
        f"/api/v1/docs/{name}",
        f"/assets/{name}",
        f"/{name}",
    ]
    for path in paths:
        status, body = await local.get_path(path)
        assert status in (200, 400, 403, 404, 414, 431), path
        assert SECRET not in body, path
        assert b"root:" not in body, path
        assert str(local.folders.base).encode() not in body, path
    for method in ("POST", "DELETE"):
        for path in (f"/userdata/{name}", f"/userdata/a/move/{name}", f"/userdata/{name}/move/a"):
            status, _ = await local.get_path(path, method)
            assert status in (200, 204, 400, 403, 404, 405, 409, 414, 431), (method, path)
    assert_untouched(local, canary)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 404),
        ("filename=", 400),
        ("filename=/etc/passwd", 400),
        ("filename=a..png", 400),
        ("filename=.", 400),
        ("filename=a.png%00.txt", 400),
        ("filename=" + "x" * 4000, 400),
        ("filename=a.png&type=other", 400),
        ("filename=a.png&subfolder=..", 403),
        ("filename=a.png&subfolder=/etc", 403),
        ("filename=a.png&subfolder=link", 404),
        ("filename=none.png", 404),
        ("filename=sub/a.png&type=output", 200),
        ("filename=a.png%20[output]&type=input&rand=0.5", 200),
    ],
)
async def test_view_answers_as_clients_expect(local: Running, canary: Path, query: str, status: int) -> None:
    (local.folders.output / "a.png").write_bytes(png())
    answer = await local.http.get(f"/view?{query}")
    assert answer.status_code == status
    if status != 200:
        assert answer.content == b""
    else:
        assert answer.content == png()
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["Content-Disposition"] == 'filename="a.png"'


async def test_ranges_and_validators(local: Running) -> None:
    content = png((64, 64))
    (local.folders.output / "a.png").write_bytes(content)
    url = "/view?filename=a.png"
    size = len(content)
    for header, status, expected in [
        ("bytes=0-3", 206, content[:4]),
        ("bytes=-5", 206, content[-5:]),
        (f"bytes={size - 2}-", 206, content[-2:]),
        (f"bytes=3-{size * 9}", 206, content[3:]),
        ("bytes=999999999999-", 416, b""),
        ("bytes=" + ",".join(["0-1"] * 1000), 200, content),
        ("bytes=5-2", 200, content),
        ("lines=1-2", 200, content),
    ]:
        answer = await local.http.get(url, headers={"Range": header})
        assert (answer.status_code, answer.content) == (status, expected), header
    first = await local.http.get(url)
    assert first.headers["Accept-Ranges"] == "bytes"
    again = await local.http.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    again = await local.http.get(url, headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert again.status_code == 304


async def test_previews_and_channels(local: Running) -> None:
    (local.folders.output / "a.png").write_bytes(png(mode="RGBA", color="#ff000080"))
    (local.folders.output / "opaque.png").write_bytes(png())

    async def picture(query: str) -> Image.Image:
        answer = await local.http.get(f"/view?filename={query}")
        assert answer.status_code == 200, query
        found = Image.open(io.BytesIO(answer.content))
        assert answer.headers["Content-Type"] == f"image/{(found.format or '').lower()}"
        return found

    assert (await picture("a.png&preview=webp;75")).mode == "RGBA"
    assert (await picture("a.png&preview=jpeg")).format == "JPEG"
    assert (await picture("a.png&preview=other;x")).format == "WEBP"
    assert (await picture("a.png&preview=jpeg&channel=a")).format == "WEBP"
    assert (await picture("a.png&preview=webp&channel=rgb")).mode == "RGB"
    assert (await picture("a.png&channel=rgb")).getpixel((0, 0)) == (255, 0, 0)
    assert (await picture("a.png&channel=a")).getpixel((0, 0)) == (0, 0, 0, 128)
    assert (await picture("opaque.png&channel=a")).getpixel((0, 0)) == (0, 0, 0, 255)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<script>alert(1)</script>"),
        ("a.png", b"<html><script>alert(1)</script>"),
        ("a.js", b"alert(1)"),
        ("a.css", b"body{}"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("a.xhtml", b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>"),
    ],
)
async def test_active_content_is_a_download(local: Running, name: str, content: bytes) -> None:
    user = local.folders.user / "default"
    user.mkdir()
    (local.folders.output / name).write_bytes(content)
    (user / name).write_bytes(content)
    for path in (f"/view?filename={name}", f"/userdata/{name}"):
        answer = await local.http.get(path)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox;")


async def test_drawings_are_shown_inside_img_only(local: Running) -> None:
    (local.folders.output / "a.svg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    dest = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "same-origin"}
    answer = await local.http.get("/view?filename=a.svg", headers=dest)
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert "script-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Vary"] == "Sec-Fetch-Dest"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_polyglot_is_a_picture_and_nothing_else(local: Running) -> None:
    answer = await upload(local, png() + b"<html><script>alert(1)</script>", "a.png")
    assert answer.status_code == 200
    shown = await local.http.get("/view?filename=a.png&type=input")
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"


async def test_names_in_headers_are_encoded(local: Running) -> None:
    name = 'a "b"\u00e9\u20ac.png'
    (local.folders.output / name).write_bytes(png())
    answer = await local.http.get("/view", params={"filename": name})
    assert answer.headers["Content-Disposition"] == (
        "filename=\"a _b___.png\"; filename*=UTF-8''a%20%22b%22%C3%A9%E2%82%AC.png"
    )


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (bomb(65535, 65535), 413, "media_too_large"),
        (b"<html></html>", 415, "unsupported_media"),
        (b"", 415, "unsupported_media"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "unsupported_media"),
        (b"#EXTM3U\nfile:///etc/passwd\n", 415, "unsupported_media"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_media"),
        (png((64, 64))[:80], 422, "broken_media"),
    ],
    ids=["bomb", "html", "empty", "eps", "playlist", "svg", "truncated"],
)
async def test_what_is_no_harmless_picture_is_not_stored(
    local: Running, content: bytes, status: int, code: str
) -> None:
    before = sorted(local.folders.input.rglob("*"))
    rss = psutil.Process().memory_info().rss
    async with asyncio.timeout(2):
        answer = await upload(local, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert str(local.folders.base) not in answer.text
    assert psutil.Process().memory_info().rss - rss < 100_000_000
    assert sorted(local.folders.input.rglob("*")) == before


async def test_uploads_are_named_as_clients_expect(local: Running) -> None:
    first = await upload(local, png(), "a.png", subfolder="x/y", type="input")
    assert first.json() == {"name": "a.png", "subfolder": "x/y", "type": "input"}
    assert (await upload(local, png(), "a.png", subfolder="x/y")).json()["name"] == "a.png"
    assert (await upload(local, png(color="blue"), "a.png", subfolder="x/y")).json()["name"] == "a (1).png"
    replaced = await upload(local, png(color="lime"), "a.png", subfolder="x/y", overwrite="true")
    assert replaced.json()["name"] == "a.png"
    assert (local.folders.input / "x" / "y" / "a.png").read_bytes() == png(color="lime")
    assert (await upload(local, png(), "C:\\dir\\b.png", type="temp")).json()["name"] == "b.png"
    assert (local.folders.temp / "b.png").is_file()


@pytest.mark.parametrize(
    "fields",
    [{"subfolder": "../.."}, {"subfolder": "/x"}, {"type": "state"}, {"subfolder": "nul"}],
)
async def test_uploads_outside_are_refused(local: Running, fields: dict[str, str]) -> None:
    assert (await upload(local, png(), **fields)).status_code == 400


async def test_forms_that_are_no_uploads_are_refused(local: Running) -> None:
    assert (await local.http.post("/upload/image", data={"a": "b"})).status_code == 415
    assert (await local.http.post("/upload/image", files={"other": ("a", b"b")})).status_code == 400
    many = [("image", (f"{number}.png", png(), "image/png")) for number in range(65)]
    assert (await local.http.post("/upload/image", files=many)).status_code == 400
    bad = {"Content-Type": "multipart/form-data; boundary=" + "x" * 9000}
    assert (await local.http.post("/upload/image", content=b"--x", headers=bad)).status_code == 400
    assert (await upload(local, b"x" * 2_100_000)).status_code == 413


async def mask(running: Running, reference: object, content: bytes, name: str = "m.png") -> Response:
    return await running.http.post(
        "/upload/mask",
        files={"image": (name, content, "image/png")},
        data={"original_ref": json.dumps(reference), "subfolder": "clipspace", "type": "input"},
    )


async def test_a_mask_replaces_the_alpha_and_keeps_texts(local: Running) -> None:
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("workflow", '{"nodes": []}')
    (local.folders.output / "a.png").write_bytes(png(pnginfo=text))
    answer = await mask(local, {"filename": "a.png"}, png(mode="RGBA", color="#00ff0040"))
    assert answer.json() == {"name": "m.png", "subfolder": "clipspace", "type": "input"}
    stored = local.folders.input / "clipspace" / "m.png"
    with Image.open(stored) as image:
        assert image.getpixel((0, 0)) == (255, 0, 0, 64)
    with stored.open("rb") as file:
        assert read_png_text(file) == {"workflow": '{"nodes": []}'}


async def test_a_mask_without_original_writes_nothing(local: Running) -> None:
    answer = await mask(local, {"filename": "none.png"}, png(mode="RGBA"))
    assert (answer.status_code, answer.json()["name"]) == (200, "m.png")
    assert not (local.folders.input / "clipspace").exists()


@pytest.mark.parametrize(
    "reference", [None, [], {}, {"filename": "../x"}, {"filename": "a.png", "type": "state"}]
)
async def test_a_mask_with_a_bad_reference_is_refused(local: Running, reference: object) -> None:
    assert (await mask(local, reference, png(mode="RGBA"))).status_code == 400


async def test_user_files_travel_as_one_encoded_segment(local: Running) -> None:
    http = local.http
    saved = await http.post("/userdata/workflows%2Fa%20b.json", content=b'{"a": NaN}')
    assert saved.json() == "workflows/a b.json"
    assert (local.folders.user / "default" / "workflows" / "a b.json").read_bytes() == b'{"a": NaN}'
    read = await http.get("/api/userdata/workflows%2Fa%20b.json")
    assert (read.content, read.headers["Content-Type"]) == (b'{"a": NaN}', "application/json; charset=utf-8")
    again = await http.post("/userdata/workflows%2Fa%20b.json?overwrite=false", content=b"{}")
    assert again.status_code == 409
    info = (await http.post("/userdata/workflows%2Fb.json?full_info=true", content=b"{}")).json()
    assert (info["path"], info["size"]) == ("workflows/b.json", 2)
    assert set(info) == {"path", "size", "modified", "created"}
    moved = "/userdata/workflows%2Fa%20b.json/move/old%2Fmove%2Fc.json"
    assert (await http.post(moved)).json() == "old/move/c.json"
    assert (await http.post(moved)).status_code == 404
    taken = "/userdata/old%2Fmove%2Fc.json/move/workflows%2Fb.json?overwrite=false"
    assert (await http.post(taken)).status_code == 409
    assert (await http.post("/userdata/x%2Fmove%2Fy", content=b"1")).json() == "x/move/y"
    assert (await http.delete("/userdata/old%2Fmove%2Fc.json")).status_code == 204
    assert (await http.delete("/userdata/old%2Fmove%2Fc.json")).status_code == 404
    assert (await http.post("/userdata/..%2Fx", content=b"1")).status_code == 403
    assert (await http.post("/userdata/a%00b", content=b"1")).status_code == 400


async def test_user_files_are_listed_in_every_form(local: Running) -> None:
    http = local.http
    assert (await http.get("/v2/userdata")).json() == []
    for name in ("w%2Fb.json", "w%2Fsub%2Fa.json", "top.json"):
        await http.post(f"/userdata/{name}", content=b"{}")
    assert (await http.get("/userdata")).status_code == 400
    assert (await http.get("/userdata?dir=none")).status_code == 404
    assert (await http.get("/userdata?dir=..")).status_code == 403
    assert (await http.get("/userdata?dir=w")).json() == ["b.json"]
    assert (await http.get("/userdata?dir=w&recurse=true")).json() == ["b.json", "sub/a.json"]
    split = await http.get("/userdata?dir=w&recurse=true&split=true")
    assert split.json() == [["b.json", "b.json"], ["sub/a.json", "sub", "a.json"]]
    full = (await http.get("/userdata?dir=w&full_info=true")).json()
    assert [(each["path"], each["size"]) for each in full] == [("b.json", 2)]
    tree = (await http.get("/v2/userdata")).json()
    assert [(each["path"], each["type"]) for each in tree] == [
        ("w/sub", "directory"),
        ("w", "directory"),
        ("w/sub/a.json", "file"),
        ("w/b.json", "file"),
        ("top.json", "file"),
    ]
    assert (await http.get("/v2/userdata?path=w/sub")).json()[0]["path"] == "w/sub/a.json"
    assert (await http.get("/v2/userdata?path=none")).status_code == 404
    assert (await http.get("/v2/userdata?path=top.json")).status_code == 400
    assert (await http.get("/v2/userdata?path=..")).status_code == 400


async def test_the_state_folder_is_reached_by_no_route(local: Running) -> None:
    name = "test.db"
    assert (local.folders.state / name).is_file()
    for path in (
        f"/view?filename={name}&subfolder=..%2Fstate",
        f"/view?filename={name}&type=state",
        f"/userdata/..%2F..%2Fstate%2F{name}",
        f"/userdata/../../state/{name}",
        f"/state/{name}",
        f"/../state/{name}",
        "/.git/config",
        "/.env",
        "/app/cli.py",
    ):
        assert (await local.get_path(path))[0] in (400, 403, 404), path


async def test_no_file_stays_open(local: Running) -> None:
    (local.folders.output / "a.png").write_bytes(png())
    process = psutil.Process()
    await local.http.get("/view?filename=a.png")
    before = len(process.open_files())
    for query in ("", "&preview=webp", "&channel=rgb"):
        for _ in range(5):
            await local.http.get(f"/view?filename=a.png{query}")
    await local.http.get("/view?filename=a.png", headers={"Range": "bytes=99999-"})
    assert len(process.open_files()) <= before
    assert os.listdir(local.folders.temp) == []  # noqa: PTH208  names are enough
