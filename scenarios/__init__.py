"""The story of one benchmark, from a scenario file to an exit code; holds the command line."""
