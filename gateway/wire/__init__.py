"""Bytes to domain values and back: XML, JSON and MIME; schema compilation and validation."""
