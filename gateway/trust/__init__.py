"""Signatures, certificates, seals: octets in, verdict out."""
