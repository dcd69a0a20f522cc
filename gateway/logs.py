"""Configures logging for the process: one event, one line, on standard error."""

import logging
import sys
import warnings
from typing import Literal

import structlog


def configure_logs(level: str, style: Literal["console", "json"]) -> None:
    """Send our events, and warnings of the libraries, to standard error.

    An event that belongs to a request has its `request_id` (`gateway.envelope`). No image bytes, file names or keys are
    ever logged.
    """
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,  # the rich one prints variables, and so images
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if style == "json" else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    logging.getLogger("pydicom").disabled = True  # it quotes what stands in a file, and resets its level when imported
    warnings.filterwarnings("ignore", module="pydicom")
    logging.getLogger("imagecodecs").setLevel(logging.ERROR)  # libpng warns of each image that is interlaced
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
