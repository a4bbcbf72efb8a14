"""The history of the tables, for Alembic: one file in versions/ for each version of the schema."""
