"""One step each, which is never changed once a release has it."""
