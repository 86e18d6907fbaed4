"""Evaluation: figures for timelines and scores against the truth. Frame and segment families are told together."""
