"""The JSON of a panel: what Grafana is told of each kind."""

from collections.abc import Callable, Mapping
from string import ascii_uppercase
from typing import Final

from monitoring.dashboards.panel import DATASOURCE, GREY, INSTANT, Json, Kind, Panel, Query

_FORMATS: Final[Mapping[Kind, str]] = {"heatmap": "heatmap", "table": "table"}


def render(panel: Panel, identity: int, x: int, y: int) -> Json:
    """Return the panel at its place in the grid."""
    names = ", ".join(f"`{name}`" for name in panel.metrics)
    return {
        "id": identity,
        "type": panel.kind,
        "title": panel.title,
        "description": f"{panel.describe}\n\nMetrics: {names}",
        "datasource": dict(DATASOURCE),
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind](panel),
        "targets": [
            _target(panel, query, letter) for query, letter in zip(panel.queries, ascii_uppercase, strict=False)
        ],
        "transformations": _transformations(panel),
    }


def _target(panel: Panel, query: Query, identity: str) -> Json:
    instant = panel.kind in INSTANT
    return {
        "refId": identity,
        "datasource": dict(DATASOURCE),
        "expr": query.expr,
        "legendFormat": query.legend,
        "format": _FORMATS.get(panel.kind, "time_series"),
        "range": not instant,
        "instant": instant,
    }


def _defaults(panel: Panel) -> Json:
    bounds = {"min": panel.least, "max": panel.most}
    return {
        "unit": panel.unit,
        **{name: value for name, value in bounds.items() if value is not None},
        "noValue": panel.absent,
        "color": {"mode": "thresholds"} if panel.steps else _UNJUDGED.get(panel.kind, {"mode": "palette-classic"}),
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in panel.steps or ((None, "text"),)],
        },
        "mappings": _mappings(panel),
        "custom": _CUSTOM[panel.kind](panel) if panel.kind in _CUSTOM else {},
    }


_UNJUDGED: Final[Mapping[Kind, Json]] = {
    "stat": {"mode": "fixed", "fixedColor": "text"},
    "bargauge": {"mode": "fixed", "fixedColor": "blue"},
    "table": {"mode": "fixed", "fixedColor": "text"},
}


def _mappings(panel: Panel) -> list[Json]:
    values = {
        value: {"index": place, "text": text, "color": colour}
        for place, (value, (text, colour)) in enumerate(panel.mappings.items())
    }
    absent = {"index": len(values), "text": panel.absent, "color": GREY}
    told: list[Json] = [{"type": "value", "options": values}] if values else []
    if panel.kind in {"stat", "bargauge"}:
        told.append({"type": "special", "options": {"match": "null+nan", "result": absent}})
    return told


def _lines(panel: Panel) -> Json:
    return {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": 30 if panel.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if panel.steps else "off"},
    }


def _bands(_: Panel) -> Json:
    return {"fillOpacity": 70, "lineWidth": 0, "spanNulls": False}


def _cells(_: Panel) -> Json:
    return {"scaleDistribution": {"type": "linear"}}


_CUSTOM: Final[Mapping[Kind, Callable[[Panel], Json]]] = {
    "timeseries": _lines,
    "state-timeline": _bands,
    "heatmap": _cells,
}


def _timeseries(_: Panel) -> Json:
    return {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _stat(panel: Panel) -> Json:
    named = any("{{" in query.legend for query in panel.queries)
    return {
        "colorMode": "background" if panel.judged else "none",
        "graphMode": "none",
        "justifyMode": "center",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "name" if named else "value",
        "wideLayout": True,
    }


def _bargauge(_: Panel) -> Json:
    return {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "valueMode": "color",
    }


def _heatmap(panel: Panel) -> Json:
    return {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short"},
        "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "scale": "exponential", "exponent": 0.5},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": panel.unit},
    }


def _state_timeline(_: Panel) -> Json:
    return {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }


def _table(_: Panel) -> Json:
    return {"cellHeight": "sm", "showHeader": True}


_OPTIONS: Final[Mapping[Kind, Callable[[Panel], Json]]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "bargauge": _bargauge,
    "heatmap": _heatmap,
    "state-timeline": _state_timeline,
    "table": _table,
}


def _transformations(panel: Panel) -> list[Json]:
    if panel.kind != "table":
        return []
    return [{"id": "organize", "options": {"excludeByName": dict.fromkeys(panel.hidden, True)}}]
