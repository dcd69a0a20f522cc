"""Which library decodes and resizes the project's images fastest, measured where it is run."""
