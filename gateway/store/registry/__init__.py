"""Parties, offices, certificates and tokens in tables."""
