"""One file for each experiment on the public data set: its configuration, its command, its cost, and what came out.

Run one as `python -m trainer.experiments.NAME --data DIR`. An experiment is a cross-validation over `train` and
`valid`; the split `test` is for the figure at the end alone.
"""
