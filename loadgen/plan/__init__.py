"""What is to be done: the plan, its rooms and its pacing. Pure."""
