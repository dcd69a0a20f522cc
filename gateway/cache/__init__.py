"""Answers the same image once: shared while it is computed, kept where that is asked for."""
