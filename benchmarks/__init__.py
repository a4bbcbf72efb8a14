"""Measurements of chatbench itself; each is run by hand, none is a test."""
