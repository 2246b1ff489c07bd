"""How long each node of a prompt took."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; prompts that ended before have no times."""
    op.add_column("prompts", sa.Column("node_ms", sa.Text()))
