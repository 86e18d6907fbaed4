"""Recorded examples to learn from: which there are (`table`), how divided (`split`), what they show (`pictures`)."""
