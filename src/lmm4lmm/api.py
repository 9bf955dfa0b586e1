"""The Python front door: what ``import lmm4lmm`` offers."""
