"""What can go wrong with the database, as sentences for the person who starts the server."""

from pathlib import Path


class StoreError(Exception):
    """The database cannot be used."""


class DatabaseTooNew(StoreError):
    """The database was written by a newer version of the program. The caller cannot recover."""

    def __init__(self, path: Path, revision: str) -> None:
        super().__init__(
            f"The database {path} has schema '{revision}', which a newer version of Comfy Creator made: "
            "start that version, or restore the newest copy from the folder 'backups' beside it."
        )


class DatabaseUnusable(StoreError):
    """The database file cannot be opened or written."""

    def __init__(self, path: Path, reason: object) -> None:
        super().__init__(
            f"The database {path} cannot be used ({reason}): check the folder's rights and free space, "
            "or choose another one with --base-directory."
        )
