"""Pictures from strangers: sizes before decoding, formats, truncation, text chunks, content types."""

import io
import json
import struct
import time
import tracemalloc
import zlib

import pytest
from PIL import Image

from app.files.content_type import content_type, is_media
from app.files.errors import BrokenMedia, MediaTooLarge, UnsupportedMedia
from app.files.media_limits import frames, open_picture
from app.files.png_metadata import png_text, read_png_text


def encoded(
    image_format: str, size: tuple[int, int] = (16, 12), mode: str = "RGB", **options: object
) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, image_format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_declaring(width: int, height: int, *extra: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_allowed_formats_open(image_format: str) -> None:
    assert open_picture(encoded(image_format)).size == (16, 12)


@pytest.mark.parametrize("image_format", ["ICO", "PPM", "TGA", "PCX", "EPS", "PDF", "DDS", "JPEG2000"])
def test_rare_formats_are_refused(image_format: str) -> None:
    with pytest.raises(UnsupportedMedia):
        open_picture(encoded(image_format, (64, 64)))


@pytest.mark.parametrize("size", [(65535, 65535), (8193, 1), (1, 8193), (20000, 20000)])
def test_a_picture_that_declares_too_much_is_refused_before_decoding(size: tuple[int, int]) -> None:
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(MediaTooLarge):
        open_picture(png_declaring(*size))
    assert time.perf_counter() - start < 1
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_the_largest_side_is_allowed() -> None:
    assert open_picture(encoded("PNG", (8192, 2))).size == (8192, 2)


def test_too_many_frames_are_refused() -> None:
    pictures = [Image.new("L", (2, 2), number % 256) for number in range(1001)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=10)
    with pytest.raises(MediaTooLarge, match="1001 frames"):
        open_picture(buffer.getvalue())


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
def test_truncated_pictures_are_broken_unless_allowed(image_format: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert("RGB").save(buffer, image_format)
    half = buffer.getvalue()[: len(buffer.getvalue()) // 2]
    with pytest.raises(BrokenMedia):
        open_picture(half)
    assert open_picture(half, allow_truncated=True).size == (64, 64)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises((BrokenMedia, UnsupportedMedia)):
        open_picture(content)


def test_every_frame_of_an_animation_comes_out() -> None:
    pictures = [Image.new("RGB", (4, 4), color) for color in ("red", "lime", "blue")]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "WEBP", save_all=True, append_images=pictures[1:], lossless=True)
    picture = open_picture(buffer.getvalue())
    assert [each.convert("RGB").getpixel((0, 0)) for each in frames(picture)] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
    ]


@pytest.mark.parametrize("compression", ["raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate"])
def test_everyday_compressions_of_tiff_open(compression: str) -> None:
    assert open_picture(encoded("TIFF", compression=compression)).getpixel((0, 0)) == (0, 0, 0)


@pytest.mark.parametrize(("compression", "mode"), [("group4", "1"), ("lzma", "RGB"), ("zstd", "RGB")])
def test_rare_compressions_of_tiff_are_refused(compression: str, mode: str) -> None:
    with pytest.raises(UnsupportedMedia, match=compression):
        open_picture(encoded("TIFF", mode=mode, compression=compression))


def tiff_pages(*pages: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:])
    return buffer.getvalue()


def test_a_later_page_that_declares_too_much_is_refused_before_decoding() -> None:
    small, wide = Image.new("L", (2, 2)), Image.new("L", (3, 1))
    content = tiff_pages(small, wide).replace(
        struct.pack("<HHII", 256, 4, 1, 3), struct.pack("<HHII", 256, 4, 1, 9000)
    )
    picture = open_picture(content)
    with pytest.raises(MediaTooLarge, match="9000"):
        list(frames(picture))


def test_too_many_pages_are_refused() -> None:
    content = tiff_pages(*[Image.new("1", (1, 1))] * 1001)
    with pytest.raises(MediaTooLarge, match="1001 frames"):
        open_picture(content)


def test_large_tiles_of_a_tiff_are_refused() -> None:
    content = bytearray(encoded("TIFF"))
    entries = struct.pack("<HHII", 322, 4, 1, 100_000) + struct.pack("<HHII", 323, 4, 1, 100_000)
    directory = struct.unpack("<I", content[4:8])[0]
    count = struct.unpack("<H", content[directory : directory + 2])[0]
    old = content[directory + 2 : directory + 2 + 12 * count]
    content[4:8] = struct.pack("<I", len(content))
    content += struct.pack("<H", count + 2) + old + entries + b"\0\0\0\0"
    with pytest.raises(MediaTooLarge, match="tiles"):
        open_picture(bytes(content))


def test_a_tiff_directory_that_names_itself_as_next_ends_there() -> None:
    content = bytearray(encoded("TIFF"))
    directory = struct.unpack("<I", content[4:8])[0]
    count = struct.unpack("<H", content[directory : directory + 2])[0]
    content[directory + 2 + 12 * count : directory + 6 + 12 * count] = content[4:8]
    assert len(list(frames(open_picture(bytes(content))))) == 1


def test_texts_come_back_as_written() -> None:
    prompt = {"1": {"class_type": "X", "inputs": {"text": "ünïcode \u2028 \x00", "seed": 2**64 - 1}}}
    buffer = io.BytesIO()
    info = png_text(prompt, {"workflow": {"nodes": []}, "sch\u20acme": 1, "k" * 80: 2})
    Image.new("RGB", (2, 2)).save(buffer, "PNG", pnginfo=info)
    buffer.seek(0)
    texts = read_png_text(buffer)
    assert list(texts) == ["prompt", "workflow"]
    assert json.loads(texts["prompt"]) == prompt
    assert texts["prompt"].isascii()


def test_compressed_and_international_texts_are_read() -> None:
    png = png_declaring(
        1,
        1,
        chunk(b"zTXt", b"a\0\0" + zlib.compress(b"1")),
        chunk(b"iTXt", b"b\0\1\0de\0b\0" + zlib.compress("ü".encode())),
        chunk(b"iTXt", "c\0\0\0\0\0ß".encode()),
        chunk(b"comf", b"d\0{}"),
    )
    assert read_png_text(io.BytesIO(png)) == {"a": "1", "b": "ü", "c": "ß", "d": "{}"}


def test_an_inflating_text_is_passed_over_quickly() -> None:
    bomb = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 200_000_000, 9))
    png = png_declaring(1, 1, bomb, chunk(b"tEXt", b"prompt\0{}"))
    start = time.perf_counter()
    assert read_png_text(io.BytesIO(png)) == {"prompt": "{}"}
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("head", "kind", "shown"),
    [
        (encoded("PNG") + b"<script>", "image/png", True),
        (encoded("JPEG"), "image/jpeg", True),
        (encoded("WEBP"), "image/webp", True),
        (encoded("GIF"), "image/gif", True),
        (encoded("BMP"), "image/bmp", True),
        (b"\0\0\0\x18ftypmp42", "video/mp4", True),
        (b"<svg onload=alert(1)>", "image/svg+xml", False),
        (b"<?xml version='1.0'?><svg/>", "image/svg+xml", False),
        (b"<html><svg>", "application/octet-stream", False),
        (b"BM and so on", "application/octet-stream", False),
        (b"", "application/octet-stream", False),
    ],
)
def test_the_content_decides_the_type(head: bytes, kind: str, shown: bool) -> None:
    assert content_type(head) == kind
    assert is_media(kind) is shown
