"""Data sets on disk: read, checked, fetched, drawn."""
