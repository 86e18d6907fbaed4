"""Temporal models: features in, scores and a new state out; the state is a value."""
