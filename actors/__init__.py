"""Thin Ray shells around the pure library: the only package that imports ray."""
