"""One chat on several processes and machines: who numbers which room, and how the others hear of it."""
