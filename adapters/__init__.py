"""Adapters: one module per kind of document system; see `adapters.contract`."""
