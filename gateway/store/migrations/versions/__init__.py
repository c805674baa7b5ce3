"""One module for each step, named ``<number>_<what>``."""
