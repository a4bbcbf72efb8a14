"""How long a test waits for something that ought to happen at once."""

# Ample for a busy machine; a test that passes never waits this long. 20 s were too few where 14 processes wanted two
# cores: one took longer to start.
PATIENCE_S = 40.0
