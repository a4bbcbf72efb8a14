"""What it takes to account for messages of one sender, with many of them open at once."""
