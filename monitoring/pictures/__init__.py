"""Pictures of panels, from the queries of the dashboards, for pages that have no Grafana behind them."""
