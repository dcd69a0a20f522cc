"""The analysis notebook: a script in jupytext's percent format, and the same with outputs as an .ipynb."""
