"""Envelopes and the journey of each delivery."""
