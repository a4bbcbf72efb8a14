"""The version of the schema is where Alembic keeps it.

A server of version 1 finds its table gone and refuses the database, as it should from here on.
"""

from alembic import op

revision = "2"
down_revision = "1"


def upgrade() -> None:
    """Let go of our table."""
    op.drop_table("chatbench_schema")
