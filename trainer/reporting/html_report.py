"""The report of an evaluation: a folder with scores.json, the plots, and one page that holds all of it and asks nobody.

The page is `report.html` beside this file, a `string.Template`; every text that goes into it is escaped here.
"""

from html import escape
from pathlib import Path
from string import Template

import msgspec

from trainer import plots
from trainer.errors import RunError
from trainer.evaluation.evaluate import Examined
from trainer.measures.calibration import reliability, scaled
from trainer.measures.findings import Evaluation, Findings
from trainer.reporting.console import HEADLINES, twins_line
from trainer.reporting.figures import figure, picture
from trainer.reporting.mistakes import heat_note, mistakes

_ALTERNATIVES = {
    "training_history.png": "Loss and accuracy of each epoch",
    "confusion_matrix.png": "Confusion matrix",
    "roc.png": "ROC curves, each class against the rest",
    "reliability.png": "Reliability diagram",
}


def write_report(folder: Path, examined: Examined) -> None:
    """Write scores.json, the plots and report.html.

    Raises:
        RunError: the folder cannot be written.
    """
    drawn = draw(examined)
    files = {"scores.json": to_json(examined.evaluation), **drawn, "report.html": page(examined, drawn).encode()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}; name another with --report") from error


def to_json(evaluation: Evaluation) -> bytes:
    """Return the findings as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(evaluation), indent=2) + b"\n"


def draw(examined: Examined) -> dict[str, bytes]:
    """Return the plots by file name; there is a training history for a run only."""
    answers, evaluation = examined.answers, examined.evaluation
    raw = reliability(answers.targets, scaled(answers.probabilities, 1 / answers.temperature))
    history = examined.subject.history
    return {
        **({"training_history.png": plots.training_history(history)} if history else {}),
        "confusion_matrix.png": plots.confusion_matrix(evaluation),
        "roc.png": plots.roc(answers.targets, answers.probabilities, evaluation),
        "reliability.png": plots.reliability(evaluation.reliability, raw),
    }


def page(examined: Examined, drawn: dict[str, bytes]) -> str:
    """Return the page.

    Args:
        examined: what was evaluated, and the outcome.
        drawn: the plots by file name, as `draw` returns them.
    """
    evaluation = examined.evaluation
    manifest = msgspec.json.format(examined.subject.manifest.to_json(), indent=2).decode()
    return Template(Path(__file__).with_name("report.html").read_text()).substitute(
        subject=escape(evaluation.subject),
        split=escape(evaluation.split),
        images=evaluation.images,
        skipped=f", {evaluation.skipped} files could not be read" if evaluation.skipped else "",
        twins=escape(twins_line(evaluation)),
        resamples=evaluation.intervals.resamples,
        level=f"{evaluation.intervals.level:.0%}",
        headlines=_headlines(evaluation),
        classes=_classes(evaluation),
        temperature=f"{evaluation.temperature:.2f}",
        plots="\n".join(figure(picture(image, _ALTERNATIVES[name])) for name, image in drawn.items()),
        heat=escape(heat_note(examined.subject)),
        mistakes=mistakes(examined),
        manifest=escape(manifest),
    )


def _headlines(evaluation: Evaluation) -> str:
    columns = [evaluation, *([evaluation.without_twins] if evaluation.without_twins is not None else [])]
    heads = ("", f"all {columns[0].images} images", *(f"{rest.images} images without a twin" for rest in columns[1:]))
    rows = [(title, *(_with_interval(column, name) for column in columns)) for name, title in HEADLINES.items()]
    for title, name in (
        ("expected calibration error", "ece"),
        ("the same at temperature 1", "ece_uncalibrated"),
        ("Brier score (0 to 2)", "brier"),
        ("cross-entropy (nats)", "loss"),
    ):
        rows.append((title, *(f"{getattr(column, name):.3f}" for column in columns)))
    return _table(heads, rows)


def _with_interval(findings: Findings, name: str) -> str:
    figure, interval = getattr(findings, name), getattr(findings.intervals, name)
    if figure is None:
        return "no such images"
    return f"{figure:.3f} ({interval.low:.3f} to {interval.high:.3f})" if interval is not None else f"{figure:.3f}"


def _classes(evaluation: Evaluation) -> str:
    rows = [
        (
            one.label,
            *(f"{share:.3f}" for share in (one.precision, one.recall, one.f1)),
            _share(one.auc),
            str(one.images),
        )
        for one in evaluation.classes
    ]
    return _table(("class", "precision", "recall", "F1", "ROC-AUC", "images"), rows)


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th scope=col>{escape(text)}</th>" for text in heads)
    body = "\n".join(
        f"<tr><th scope=row>{escape(row[0])}</th>" + "".join(f"<td>{escape(text)}</td>" for text in row[1:]) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _share(share: float | None) -> str:
    return "none" if share is None else f"{share:.3f}"
