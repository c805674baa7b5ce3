"""Parties, their offices and how each office receives."""
