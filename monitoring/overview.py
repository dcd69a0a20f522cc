"""The Overview: is the service well, how fast is it, and where does the time go?"""

from collections.abc import Sequence

from monitoring.panels import WINDOW, Panel, Query, Row, mean, quantiles, rates, share


def rows() -> Sequence[Row]:
    """Return the rows of the dashboard, from what clients see down to what the gateway rests on."""
    return [
        Row("Traffic", _traffic()),
        Row("Latency", _latency()),
        Row("Batches", _batches()),
        Row("Model", [*_versions(), *_predictions()]),
        Row("Model server", _model_server()),
        Row("Images and history", _records()),
    ]


def _traffic() -> Sequence[Panel]:
    metric = "gateway_requests_total"
    return [
        rates(metric, "route", title="Requests by route", describe="Requests answered, however.", unit="reqps"),
        Panel(
            title="Errors and refusals",
            describe="Share of requests refused because the service was at its limit or not ready, failed, or wrong.",
            metrics=(metric,),
            queries=(
                Query(share(metric, 'code=~"429|503"'), "refused (429, 503)"),
                Query(share(metric, 'code=~"5..", code!="503"'), "failed (other 5xx)"),
                Query(share(metric, 'code=~"4..", code!="429"'), "wrong request (other 4xx)"),
            ),
            unit="percentunit",
        ),
        rates(
            "gateway_rejected_total",
            "reason",
            title="Problems by reason",
            describe="Requests that ended in a problem document, by the problem's name.",
            unit="reqps",
        ),
    ]


def _latency() -> Sequence[Panel]:
    stage = "gateway_stage_duration_seconds"
    return [
        quantiles(
            "gateway_request_duration_seconds",
            (0.5, 0.95, 0.99),
            labels='route="/predict"',
            title="Latency of /predict",
            describe="Time from a request to the end of its reply.",
            unit="s",
            width=12,
        ),
        Panel(
            title="Time per stage",
            describe="Mean time that an answered image spent in each stage, stacked: the height is the whole.",
            metrics=(f"{stage}_sum", f"{stage}_count"),
            queries=(Query(mean(stage, "stage"), "{{stage}}"),),
            unit="s",
            width=12,
            stacked=True,
        ),
    ]


def _batches() -> Sequence[Panel]:
    size, queue = "gateway_batch_size_bucket", ("gateway_queue_depth", "gateway_inflight_requests")
    limit = "gateway_concurrency_limit"
    return [
        Panel(
            title="Batch size",
            describe="Calls to the model by the number of images in them.",
            metrics=(size,),
            queries=(Query(f"sum by (le) (increase({size}[{WINDOW}]))", "{{le}}"),),
            unit="short",
            kind="heatmap",
        ),
        rates(
            "gateway_batches_total",
            "trigger",
            title="Batches by trigger",
            describe="Calls to the model, by what made them due.",
            unit="suffix: batches/s",
        ),
        Panel(
            title="Queue and limit",
            describe="Images waiting for a call to the model, requests being answered, and the limit for images.",
            metrics=(*queue, limit),
            queries=(
                Query(f"sum ({queue[0]})", "waiting"),
                Query(f"sum ({queue[1]})", "requests in flight"),
                Query(f"sum ({limit})", "limit"),
            ),
            unit="short",
        ),
    ]


def _versions() -> Sequence[Panel]:
    return [
        Panel(
            title="Model server",
            describe="Whether a version of the model can answer, at every gateway.",
            metrics=("gateway_backend_ready",),
            queries=(Query("min (gateway_backend_ready)", "ready"),),
            unit="none",
            kind="stat",
            width=4,
            mappings={"0": ("Not ready", "red"), "1": ("Ready", "green")},
        ),
        Panel(
            title="Version",
            describe="The version that answers; two while gateways change over.",
            metrics=("model_info",),
            queries=(Query("max by (version) (model_info) == 1", "{{version}}"),),
            unit="none",
            kind="stat",
            width=4,
        ),
    ]


def _predictions() -> Sequence[Panel]:
    return [
        rates(
            "gateway_predictions_total",
            "version, label",
            legend="{{label}} (version {{version}})",
            title="Predictions by class and version",
            describe="Images answered.",
            unit="suffix: images/s",
        ),
        quantiles(
            "gateway_prediction_confidence",
            (0.1, 0.5),
            title="Confidence",
            describe="Probability of the predicted class.",
            unit="percentunit",
        ),
    ]


def _model_server() -> Sequence[Panel]:
    return [
        rates(
            "gateway_backend_rpcs_total",
            "code",
            title="Calls to the model server",
            describe="Predict calls, by gRPC status.",
            unit="suffix: calls/s",
            width=12,
        ),
        quantiles(
            "gateway_backend_rpc_duration_seconds",
            (0.5, 0.95),
            title="Time of a call",
            describe="Time of successful Predict calls.",
            unit="s",
            width=12,
        ),
    ]


def _records() -> Sequence[Panel]:
    return [
        rates(
            "gateway_image_rejects_total",
            "reason",
            title="Rejected images",
            describe="Images that were not accepted, by the problem's name.",
            unit="suffix: images/s",
            width=6,
        ),
        rates(
            "history_rows_total",
            "outcome",
            title="History rows",
            describe="Predictions handed to the history, by what became of them.",
            unit="suffix: rows/s",
            width=6,
        ),
        Panel(
            title="History queue",
            describe="Predictions that wait to be written.",
            metrics=("history_queue_depth",),
            queries=(Query("sum (history_queue_depth)", "waiting"),),
            unit="short",
            width=6,
        ),
        quantiles(
            "history_commit_duration_seconds",
            (0.5, 0.95),
            title="Time of a commit",
            describe="Time of a group commit.",
            unit="s",
            width=6,
        ),
    ]
