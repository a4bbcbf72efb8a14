"""Locust on this engine: its users stand for those of a swarm, its web UI and its master lead the run."""
