"""The reference chat server; always a process of its own."""
