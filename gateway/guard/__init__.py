"""Compares a version on trial with the stable one, and routes back by itself when it is clearly worse."""
