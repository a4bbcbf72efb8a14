"""How long a test waits for something that ought to happen at once."""

# Ample for a busy machine; a test that passes never waits this long.
PATIENCE_S = 20.0
