"""What the operator reads of an evaluation, and how a line is printed."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from trainer.measures.findings import Crossvalidation, Evaluation, Findings
from trainer.measures.scores import Scores

_NAMED = 10
"""Skipped files that are named."""
HEADLINES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "macro_auc": "macro ROC-AUC",
    "sensitivity": "sensitivity for cancer",
    "specificity": "specificity for cancer",
}
"""The figures that have an interval, and what people call them."""


def say(console: Console, text: str) -> None:
    """Print one line, as it is and unbroken."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def warn_skipped(console: Console, skipped: Sequence[tuple[object, str]], files: int) -> None:
    """Name the files that were skipped, the first of many, and count them; `files` is how many there are in all."""
    for path, reason in skipped[:_NAMED]:
        say(console, f"Warning: skipped {path}: {reason}")
    if skipped:
        say(console, f"Warning: {len(skipped)} of {files} files were skipped")


def show_scores(console: Console, scores: Scores, what: str) -> None:
    """Print the measures, and the confusion matrix: how many images of a class were answered as class 1, 2..."""
    say(console, f"{what}: {summary(scores.metrics())} on {scores.images} images")
    answers = [str(number) for number, _ in enumerate(scores.classes, 1)]
    table = Table("class", *answers, "precision", "recall", "F1", box=box.SIMPLE_HEAD)
    table.caption = "Columns with a number: images that were answered as the class of that number"
    for number, (entry, row) in enumerate(zip(scores.classes, scores.confusion, strict=True), 1):
        shares = (f"{share:.3f}" for share in (entry.precision, entry.recall, entry.f1))
        table.add_row(f"{number} {entry.label}", *map(str, row), *shares)
    console.print(table)


def show_evaluation(console: Console, evaluation: Evaluation) -> None:
    """Print the scores, how far they can be trusted, and what is left of them without twins."""
    show_scores(console, evaluation, f"{evaluation.subject}, {evaluation.split}")
    show_intervals(console, evaluation)
    say(console, twins_line(evaluation))
    if evaluation.without_twins is not None:
        show_scores(console, evaluation.without_twins, "without the twins")
        show_intervals(console, evaluation.without_twins)


def show_crossvalidation(console: Console, found: Crossvalidation) -> None:
    """Print each fold's headline figures, and the scores of all images together."""
    say(console, f"{found.images} images in {found.groups} groups, {len(found.folds)} folds, {found.minutes:g} minutes")
    for number, fold in enumerate(found.folds, 1):
        say(console, f"fold {number}: {summary(fold.metrics())} on {fold.images} images")
    show_scores(console, found.pooled, "all folds together")
    show_intervals(console, found.pooled)


def twins_line(evaluation: Evaluation) -> str:
    """Say how many of the images the training data holds too."""
    if evaluation.twins is None:
        return "Whether images have a twin in the training data is unknown: the data set has no train split"
    return f"{evaluation.twins} of {evaluation.images} images have a twin in the train split"


def show_intervals(console: Console, findings: Findings) -> None:
    """Print the headline figures with their intervals, and the calibration error."""
    for name, title in HEADLINES.items():
        figure, interval = getattr(findings, name), getattr(findings.intervals, name)
        if figure is not None and interval is not None:
            span = f"{interval.low:.3f} to {interval.high:.3f}"
            say(console, f"{title}: {figure:.3f}, {findings.intervals.level:.0%} interval {span}")
    say(console, f"expected calibration error: {findings.ece:.3f}; at temperature 1: {findings.ece_uncalibrated:.3f}")


def summary(metrics: dict[str, float]) -> str:
    """Return the figures that matter most, in words."""
    return f"accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f}"
