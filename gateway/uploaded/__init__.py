"""Images that clients upload to be learned from, with a label or without."""
