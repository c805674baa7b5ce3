"""Receipts and their sealed renderings in tables."""
