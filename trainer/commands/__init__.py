"""The commands, a file for each. Beside its options, a command imports what it needs when it runs."""
