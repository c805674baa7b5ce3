"""Wasl: an open interoperability gateway for official mail."""

__version__ = "0.1.0"
