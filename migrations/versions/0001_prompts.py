"""Prompts: the queue and the history in one table."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table of prompts with the orders in which it is read."""
    op.create_table(
        "prompts",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("prompt_id", sa.Text(), nullable=False, unique=True),
        sa.Column("number", sa.Float(), nullable=False),
        sa.Column("number_given", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("extra_data", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text()),
        sa.Column("targets", sa.Text(), nullable=False),
        sa.Column("node_errors", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), unique=True),
        sa.Column("request_hash", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.Integer(), nullable=False),
        sa.Column("started_ms", sa.Integer()),
        sa.Column("ended_ms", sa.Integer()),
        sa.Column("outcome", sa.Text()),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "prompts_waiting",
        "prompts",
        ["number", "id"],
        sqlite_where=sa.text("state IN ('pending', 'running')"),
    )
    op.create_index(
        "prompts_ended", "prompts", ["ended_ms", "id"], sqlite_where=sa.text("ended_ms IS NOT NULL")
    )
