"""The model store: versions written, published, listed and asked."""
