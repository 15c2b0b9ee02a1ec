"""How Alembic reaches the database: by the connection it is handed, never by a file of its own."""

from alembic import context

from service.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True,
    compare_type=True,
)  # fmt: skip
with context.begin_transaction():
    context.run_migrations()
