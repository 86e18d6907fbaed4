"""Chaos: a served fleet whose parts are killed, frozen and cut off, and what must hold afterwards (`make chaos`)."""
