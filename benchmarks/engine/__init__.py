"""What one process of load can carry: deliveries, messages, sockets, and for how long without growing."""
