"""Running Pulmo: on this machine, in containers."""
