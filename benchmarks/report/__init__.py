"""How large a report is, and how long it takes to draw and to open."""
