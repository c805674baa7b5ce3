"""The demonstration: two foreign systems, a hub between them, and letters that travel while you watch."""
