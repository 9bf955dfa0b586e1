"""lmm4lmm: how good the images of text-to-image models are, in numbers that people would agree with."""

__version__ = "0.1.0"
