"""Pulmo on this machine, without containers: a first model, and supervisord over the three processes."""
