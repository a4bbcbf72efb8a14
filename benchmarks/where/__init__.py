"""Where a delivery's time goes, layer by layer."""
