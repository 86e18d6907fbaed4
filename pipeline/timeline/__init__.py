"""The timeline store: one atomic, fenced commit per step; queries while the timeline grows."""
