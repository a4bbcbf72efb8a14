"""What it takes to bring in more sockets than one machine holds: arithmetic on what was measured (docs/scale.md)."""
