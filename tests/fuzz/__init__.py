"""Mutated videos through the decoder border; `python -m tests.fuzz --help`."""
