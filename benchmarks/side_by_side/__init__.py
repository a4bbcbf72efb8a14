"""The same scenario on four servers, one after the other, and again."""
