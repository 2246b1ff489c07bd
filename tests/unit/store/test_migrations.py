"""A database file on its way to this version's schema: made, copied, refused, unchanged."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from app.files.bundle import bundled
from app.store.errors import DatabaseTooNew
from app.store.migrations import _upgrade, back_up, migrate, packaged_revisions, stored_revision
from app.store.tables import METADATA


def test_new_file_gets_the_newest_schema(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    migrate(path)
    assert stored_revision(path) == packaged_revisions()[-1]


def test_file_names_and_alembic_agree_about_the_order_of_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    steps = ScriptDirectory.from_config(config).walk_revisions()
    assert [step.revision for step in steps][::-1] == packaged_revisions()


def test_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    migrated, declared = tmp_path / "migrated.db", tmp_path / "declared.db"
    _upgrade(migrated)
    migrate(declared)
    assert _shape(migrated) == _shape(declared)
    assert stored_revision(migrated) == stored_revision(declared)


def test_an_older_file_keeps_its_prompts(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    _upgrade(path, "0001")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO prompts (prompt_id, number, number_given, state, prompt, extra_data, targets,"
            " node_errors, attempt, losses, created_ms, ended_ms, outcome)"
            " VALUES ('a', 1, 0, 'success', '{}', '{}', '[]', '{}', 1, '[]', 1, 2, '{}')"
        )
    migrate(path)
    assert stored_revision(path) == packaged_revisions()[-1]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT prompt_id, outcome, node_ms FROM prompts").fetchall() == [
            ("a", "{}", None)
        ]


def test_a_start_killed_before_the_stamp_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "half.db"
    engine = create_engine(f"sqlite:///{path}")
    METADATA.create_all(engine)
    engine.dispose()
    assert stored_revision(path) is None
    migrate(path)
    assert stored_revision(path) == packaged_revisions()[-1]


def test_newer_schema_is_refused_with_a_remedy_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "future.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew, match=r"9999.*newer version.*backups"):
        migrate(path)
    assert path.read_bytes() == before


def test_pending_migration_is_preceded_by_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE kept (value TEXT)")
        connection.execute("INSERT INTO kept VALUES ('precious')")
    upgraded: list[Path] = []
    newer = [*packaged_revisions(), "9999"]
    monkeypatch.setattr("app.store.migrations.packaged_revisions", lambda: newer)
    monkeypatch.setattr("app.store.migrations._upgrade", upgraded.append)
    migrate(path)
    (copy,) = (tmp_path / "backups").iterdir()
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT value FROM kept").fetchall() == [("precious",)]
    assert upgraded == [path]


def test_only_the_last_three_copies_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    migrate(path)
    copies = [back_up(path, "0001") for _ in range(5)]
    assert sorted((tmp_path / "backups").iterdir()) == copies[2:]


def test_copy_holds_what_is_still_in_the_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "wal.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE fresh (value TEXT)")
        writer.execute("INSERT INTO fresh VALUES ('in the log')")
        writer.commit()
        copy = back_up(path, "0001")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT value FROM fresh").fetchall() == [("in the log",)]


def test_failed_migration_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    shipped = bundled("migrations")
    (tmp_path / "migrations" / "env.py").write_text((shipped / "env.py").read_text())
    (versions / "0001_prompts.py").write_text((shipped / "versions" / "0001_prompts.py").read_text())
    path = tmp_path / "half.db"
    monkeypatch.setattr("app.store.migrations.bundled", lambda name: tmp_path / name)
    migrate(path)
    (versions / "0002_fails.py").write_text(
        '"""Fails half way."""\n'
        "from alembic import op\nrevision = '0002'\ndown_revision = '0001'\n"
        "def upgrade():\n    op.execute('CREATE TABLE half (x)')\n    raise RuntimeError('half way')\n"
    )
    with pytest.raises(RuntimeError, match="half way"):
        migrate(path)
    assert stored_revision(path) == "0001"
    with closing(sqlite3.connect(path)) as connection:
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchall()


def _shape(path: Path) -> object:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        look = inspect(connection)
        columns = [
            (each["name"], str(each["type"]), each["nullable"]) for each in look.get_columns("prompts")
        ]
        indexes = sorted(
            (
                str(each["name"]),
                each["column_names"],
                str(each.get("dialect_options", {}).get("sqlite_where")),
            )
            for each in look.get_indexes("prompts")
        )
        unique = sorted(each["column_names"] for each in look.get_unique_constraints("prompts"))
    engine.dispose()
    return columns, indexes, unique
