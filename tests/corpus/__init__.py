"""Broken and odd image files, made on the spot from seeds: the same ones in each run."""
