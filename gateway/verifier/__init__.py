"""The offline verdict: what a receipt proves, told without any hub."""
