"""What was seen: marker, ledger, histogram, tally, doubts. Pure."""
