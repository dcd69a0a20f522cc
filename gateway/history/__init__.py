"""The history of predictions: every one that a client was told of is in it."""
