"""docs/gallery: what chatbench draws, from real runs of every kind of ending."""
