"""The doors to the socket, behind one protocol."""
