"""What the shape of a workload costs: small rooms beside a large one, a room in which all talk, a million users."""
