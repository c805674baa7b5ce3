"""Services: one verb per module, and the only floor that opens transactions."""
