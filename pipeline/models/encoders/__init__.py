"""Encoders: a clip in, a feature vector out."""
