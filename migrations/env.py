"""Alembic's entry: runs migrations on the connection that app/store/migrations.py opened."""

from alembic import context

from app.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=METADATA, transactional_ddl=True, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
