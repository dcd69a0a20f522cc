"""Load tests that the console starts: which there are, the process that runs one, and what it says of itself."""
