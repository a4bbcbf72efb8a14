"""What one received delivery costs chatbench, beside the least it can cost in C."""
