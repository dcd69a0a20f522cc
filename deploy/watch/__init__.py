"""Prometheus, Alertmanager, the node exporter and Grafana on this machine, beside a local run: `make watch`."""
