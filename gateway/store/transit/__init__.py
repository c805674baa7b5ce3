"""Messages, deliveries and payloads on disk and in tables."""
