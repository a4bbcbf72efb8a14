"""Offers load to a chat server and measures every delivery."""
