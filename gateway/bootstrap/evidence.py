"""Builds what keeps evidence: ledgers, time, retention, checks; called by `gateway.bootstrap` alone."""

from __future__ import annotations
