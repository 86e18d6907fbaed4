"""Timelines in the formats of players, annotators and tables; the film of a segment."""
