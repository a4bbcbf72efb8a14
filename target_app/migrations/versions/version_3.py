"""Which node numbers which room, and which nodes live: for servers that are one chat."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "homes",
        sa.Column("room", sa.Text, primary_key=True),
        sa.Column("home", sa.Text),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "nodes",
        sa.Column("node", sa.Text, primary_key=True),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
