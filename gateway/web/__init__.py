"""The HTTP doors: they read requests, call one service each, and write answers; no rules."""
