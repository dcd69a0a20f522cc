"""The pages of the console; each module has one function `show`.

The folder is not called `pages`: beside the script it is one that Streamlit runs by itself, each file as a script
of its own, when the first visitor of a process opens the address of a page.
"""
