"""Sampling by media time, and cutting clips."""

from pipeline.clip.cutter import ClipCutter
from pipeline.clip.sampler import Sample, Sampler
from pipeline.clip.start import StartPoint
from pipeline.clip.strip import Strip
from pipeline.clip.window import Window, digest

__all__ = ["ClipCutter", "Sample", "Sampler", "StartPoint", "Strip", "Window", "digest"]
