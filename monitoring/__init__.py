"""What Prometheus and Grafana are configured with."""
