"""Making, sealing and finding receipts."""
