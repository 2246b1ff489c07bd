"""Brings a database file to this version's schema, after a copy; called by Database.open."""

import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from app.files.bundle import bundled
from app.store.errors import DatabaseTooNew

KEPT_BACKUPS = 3

_log = logging.getLogger(__name__)


def packaged_revisions() -> list[str]:
    """Revisions this version knows, oldest first, from the file names: reading them needs no alembic."""
    versions = bundled("migrations") / "versions"
    return sorted(path.stem.split("_", 1)[0] for path in versions.glob("[0-9]*_*.py"))


def stored_revision(path: Path) -> str | None:
    """The schema revision in a database file, or None when there is none yet."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if known else None
        return None if row is None else str(row[0])


def migrate(path: Path) -> None:
    """Apply pending migrations, each in its own transaction; blocking. Raises DatabaseTooNew."""
    revisions = packaged_revisions()
    stored = stored_revision(path)
    if stored == revisions[-1]:
        return
    if stored is None:
        _create(path, revisions[-1])
        return
    if stored not in revisions:
        raise DatabaseTooNew(path, stored)
    back_up(path, stored)
    _upgrade(path)


def back_up(path: Path, revision: str) -> Path:
    """Copy the database with SQLite's own backup (a file copy of a WAL database can lose pages)."""
    folder = path.parent / "backups"
    folder.mkdir(parents=True, exist_ok=True)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    target = folder / f"{path.stem}-{moment}-{revision}.db"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    for old in sorted(folder.glob(f"{path.stem}-*.db"))[:-KEPT_BACKUPS]:
        old.unlink()
    _log.info("Copied the database to %s before changing its schema", target)
    return target


def _create(path: Path, revision: str) -> None:
    """Make a new database at once: its tables are those that all migrations together leave behind.

    Importing alembic would cost a first start a quarter of a second; a test compares the two ways. Every
    statement may be repeated, so a start that is killed in between is mended by the next one.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from app.store.tables import METADATA

    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        connection.exec_driver_sql(
            "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (revision,))
    engine.dispose()


def _upgrade(path: Path, revision: str = "head") -> None:
    """Run alembic up to a revision, by default the newest packaged one."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event
    from sqlalchemy.engine import Connection
    from sqlalchemy.pool import NullPool

    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def manual_transactions(connection: sqlite3.Connection, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # the driver would commit before DDL; we begin ourselves

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()
