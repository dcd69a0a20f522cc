"""What the console asks over HTTP: the gateway, and Prometheus where there is one. Typed answers, one kind of error."""
