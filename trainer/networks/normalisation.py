"""Batch normalisation for small data sets."""

MOMENTUM = 0.9
"""Of the batch normalisation's running means. Keras's 0.99 needs several hundred steps, more than a small set has."""
