"""The dashboards of Pulmo as code: each is a file here, and `catalogue` names them all."""
