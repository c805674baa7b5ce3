"""Who is registered, whose certificate is whose, and who may speak for whom."""
