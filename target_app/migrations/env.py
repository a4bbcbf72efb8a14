"""What Alembic runs for each migration: on the connection that `schema.migrate` hands it, in the transaction there."""

from alembic import context

from target_app.tables import TABLES, VERSION

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=TABLES,
    version_table=VERSION.name,
)
with context.begin_transaction():
    context.run_migrations()
