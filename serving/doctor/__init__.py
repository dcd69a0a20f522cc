"""`python -m serving doctor`: checks a store and a server for known pitfalls, and says what to do about each."""
