"""The compose file built and run: `python -m tests.e2e`."""
