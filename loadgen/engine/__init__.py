"""What does it: users, swarm, worker, coordinator and their door to the machine."""
