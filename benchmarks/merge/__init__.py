"""What it costs to lead many workers: the words of one real worker, said by as many as are wanted."""
