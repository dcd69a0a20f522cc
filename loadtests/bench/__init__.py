"""`make bench`: what the service does on this machine, beside what the machine could do."""
