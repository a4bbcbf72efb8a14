"""What the live page costs the process that serves it."""
