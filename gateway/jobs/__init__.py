"""Retraining as a job: a process of the trainer's command line, and a row that says how it is doing."""
