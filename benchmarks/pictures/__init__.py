"""The pictures of docs/measuring.md, drawn from runs that are made for them."""
