"""A long run, and whether it ends as it began."""
