"""How good answers are: pure functions of arrays."""
