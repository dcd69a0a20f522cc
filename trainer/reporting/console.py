"""What the operator sees: a progress bar and tables on a terminal, plain lines elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from trainer.data.dataset import Skipped, Split
from trainer.measures.epoch import Epoch
from trainer.measures.findings import Evaluation, Findings
from trainer.measures.scores import Scores

_NAMED = 10
"""Skipped files that are named, for each split."""
HEADLINES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "macro_auc": "macro ROC-AUC",
    "sensitivity": "sensitivity for cancer",
    "specificity": "specificity for cancer",
}
"""The figures that have an interval, and what people call them."""


class Lines:
    """Tells of a training run in plain lines: one for the data, one for each epoch."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def data(self, labels: tuple[str, ...], train: Split, valid: Split) -> None:
        """Say what was read, and what was not."""
        say(
            self._console, f"{len(train.paths)} images to train on, {len(valid.paths)} to validate: {', '.join(labels)}"
        )
        for split in (train, valid):
            warn_skipped(self._console, split)

    def epoch(self, epoch: Epoch) -> None:
        """Say what an epoch brought."""
        say(self._console, f"epoch {epoch.epoch}: {_figures(epoch)}, {epoch.seconds:.1f} s")

    def calibration(self, temperature: float, metrics: dict[str, float]) -> None:
        """Say what the temperature does to the split that it was fitted on."""
        say(
            self._console,
            f"temperature {temperature:.2f}: expected calibration error {metrics['ece_uncalibrated']:.3f} before, "
            f"{metrics['ece']:.3f} after, both on the validation split that it was fitted on",
        )


class Bar(Lines):
    """Tells of a training run with a progress bar."""

    def __init__(self, console: Console, progress: Progress, epochs: int) -> None:
        super().__init__(console)
        self._progress = progress
        self._task = progress.add_task("training", total=epochs)

    def epoch(self, epoch: Epoch) -> None:
        """Move the bar."""
        self._progress.update(self._task, advance=1, description=_figures(epoch))


@contextmanager
def reporter(console: Console, epochs: int) -> Iterator[Lines]:
    """Return what suits the console: a bar on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield Bar(console, progress, epochs)


def say(console: Console, text: str) -> None:
    """Print one line, as it is and unbroken."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def warn_skipped(console: Console, split: Split) -> None:
    """Name the files that were skipped, the first of many, and count them."""
    skipped: tuple[Skipped, ...] = split.skipped
    for path, reason in skipped[:_NAMED]:
        say(console, f"Warning: skipped {path}: {reason}")
    if skipped:
        say(console, f"Warning: {len(skipped)} of {len(skipped) + len(split.paths)} files were skipped")


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


def _figures(epoch: Epoch) -> str:
    return (
        f"loss {epoch.loss:.3f}, accuracy {epoch.accuracy:.3f}, "
        f"validation loss {epoch.val_loss:.3f}, accuracy {epoch.val_accuracy:.3f}"
    )
