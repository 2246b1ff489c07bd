"""What can go wrong with files; raised in this room, translated at the doors (routes, nodes, CLI)."""

from typing import ClassVar


class FilesError(Exception):
    """A file cannot be read, written or named as asked."""

    code: ClassVar[str] = "file_error"


class UnsafeName(FilesError):
    """The name is not one that this product gives to or takes for a file."""

    code = "unsafe_name"


class EscapingName(UnsafeName):
    """The name leads out of its folder."""

    code = "escaping_name"


class FileNotAvailable(FilesError):
    """There is no such file, or nobody may name it: both get the same answer."""

    code = "file_not_available"


class OutOfDiskSpace(FilesError):
    """The disk, the quota or the file size limit is exhausted; nothing half-written was left behind."""

    code = "out_of_disk_space"


class BadModelPaths(FilesError):
    """The file with extra model paths cannot be used."""

    code = "bad_model_paths"


class MediaRefused(FilesError):
    """A picture is not one that this product opens."""

    code = "media_refused"


class UnsupportedMedia(MediaRefused):
    """The bytes are not a picture of a known format."""

    code = "unsupported_media"


class MediaTooLarge(MediaRefused):
    """The picture declares more pixels or frames than the limits allow; it was not decoded."""

    code = "media_too_large"


class BrokenMedia(MediaRefused):
    """The bytes claim to be a picture but cannot be decoded."""

    code = "broken_media"
