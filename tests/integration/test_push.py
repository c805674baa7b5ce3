"""Receipts are told to their sender's own system: each at least once, in order, whatever fails meanwhile."""

from __future__ import annotations
