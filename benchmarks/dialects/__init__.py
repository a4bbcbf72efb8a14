"""What a dialect costs: a message that is sent, and a delivery that is received, beside those of ``plain``."""
