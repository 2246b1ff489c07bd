"""The tables, as SQLAlchemy sees them; migrations/versions holds the steps that made them."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, Table, Text, text

METADATA = MetaData()

PROMPTS = Table(
    "prompts",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("prompt_id", Text, nullable=False, unique=True),
    Column("number", Float, nullable=False),
    Column("number_given", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("prompt", Text, nullable=False),  # text: integers up to 2^64-1 do not fit into SQLite's INTEGER
    Column("extra_data", Text, nullable=False),
    Column("client_id", Text),
    Column("targets", Text, nullable=False),
    Column("node_errors", Text, nullable=False),
    Column("idempotency_key", Text, unique=True),
    Column("request_hash", Text),
    Column("attempt", Integer, nullable=False),
    Column("losses", Text, nullable=False),  # messages about lost attempts: [["requeued", {...}], ...]
    Column("created_ms", Integer, nullable=False),
    Column("started_ms", Integer),
    Column("ended_ms", Integer),
    Column("outcome", Text),  # {"outputs": {}, "status": {}, "meta": {}}
    Column("node_ms", Text),  # {node id: milliseconds}
    sqlite_autoincrement=True,
)
"""One row per prompt from acknowledgement until it is deleted from history."""

WAITING = Index(
    "prompts_waiting",
    PROMPTS.c.number,
    PROMPTS.c.id,
    sqlite_where=text("state IN ('pending', 'running')"),
)
ENDED = Index("prompts_ended", PROMPTS.c.ended_ms, PROMPTS.c.id, sqlite_where=text("ended_ms IS NOT NULL"))
