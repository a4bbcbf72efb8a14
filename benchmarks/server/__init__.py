"""What the reference server costs: its fan-out beside a plain loop, readers who stop, idle sockets, logins."""
