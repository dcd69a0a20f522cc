"""The networks, and the one list of them."""
