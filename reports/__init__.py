"""Turns a finished run into a document, a verdict, plots and pages; never talks to a server."""
