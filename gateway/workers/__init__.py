"""Time and queues: shells that call services when something is due; no rules."""
