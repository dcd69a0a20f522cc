"""What the page that trains knows: which class an image is of, what may be set, what a log says."""

from typing import Any

import pytest

from dashboard.client.messages import ModelEntry, UploadedFile
from dashboard.training.examples import (
    Balance,
    Outcome,
    balance,
    class_of,
    classes_of,
    contradictions,
    example,
    outcomes,
)
from dashboard.training.log import Epoch, read_log
from dashboard.training.parameters import document, read_schema
from trainer.data.dataset import class_name
from trainer.parameters import SETTABLE, parameters_schema

CLASSES = ["large.cell.carcinoma", "normal"]
EPOCH = b'{"event":"epoch","epoch":%d,"epochs":9,"loss":1.5,"accuracy":0.5,"val_loss":2,"val_accuracy":1}'


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("normal/a.png", "normal"),
        ("data/train/normal/a.png", "normal"),
        ("normal/large.cell.carcinoma_left.hilum_T2/a.png", "large.cell.carcinoma"),
        ("normal/patient 7/a.png", "normal"),
        ("other/a.png", ""),
        ("normal", ""),
        ("normal.png", ""),
        ("_/a.png", ""),
    ],
)
def test_an_image_is_of_the_class_that_its_folder_names(path: str, label: str) -> None:
    """
    The innermost folder that names one counts, with or without a suffix.
    """
    assert class_of(path, CLASSES) == label


def test_folders_are_read_as_the_trainer_reads_them() -> None:
    """
    What is uploaded by a folder's name has the class that the trainer would give it.
    """
    for folder in ("normal", "normal_a_b", "large.cell.carcinoma_left.hilum_T2_N2_M0_IIIa"):
        assert class_of(f"{folder}/a.png", CLASSES) == class_name(folder)


def test_the_classes_are_those_of_the_version_that_answers() -> None:
    """
    Where none answers, those of all versions that there are.
    """
    old, new = ModelEntry(1, "AVAILABLE", labels=["b", "a"]), ModelEntry(2, "AVAILABLE", labels=["c"], current=True)

    assert classes_of([new, old]) == ["c"]
    assert classes_of([old, ModelEntry(3, "LOADING")]) == ["a", "b"]
    assert classes_of([]) == []


def test_exact_copies_are_counted_whatever_they_are_called() -> None:
    """
    And named where they have different classes.
    """
    images = [
        example("1", "a.png", b"one", "normal"),
        example("2", "b.png", b"one", "normal"),
        example("3", "c.png", b"two", "cancer"),
        example("4", "d.png", b"one", "cancer"),
    ]

    assert balance(images) == [Balance("cancer", 2, 1), Balance("normal", 2, 1)]
    assert contradictions(images) == [("a.png", "d.png")]


def test_what_became_of_images_is_counted_by_class() -> None:
    """
    What was not sent yet is not counted.
    """
    images = [example(str(number), "a.png", b"", "normal" if number < 4 else "cancer") for number in range(6)]
    kept = {
        "0": UploadedFile(accepted=True),
        "1": UploadedFile(accepted=True, duplicate=True),
        "2": UploadedFile(accepted=False),
        "4": UploadedFile(accepted=True),
    }

    assert outcomes(images, kept) == [Outcome("cancer", 1, 0, 0), Outcome("normal", 1, 1, 1)]


def test_there_is_a_field_for_all_that_the_trainer_lets_one_set() -> None:
    """
    Of the right kind, with the limits that the trainer tells; none is left to programs.
    """
    parameters = read_schema(parameters_schema())
    fields = {".".join(field.path): field for field in parameters.fields}

    assert parameters.others == []
    assert {name.partition(".")[0] for name in fields} == set(SETTABLE)
    assert (fields["epochs"].kind, fields["epochs"].minimum) == ("integer", 1)
    assert fields["learning_rate"].limits == "more than 0"
    assert fields["class_weights"].kind == "boolean"
    assert set(fields["schedule"].choices) == {"cosine", "constant"}
    assert fields["augmentation.shift"].title == "Augmentation: shift"
    assert (fields["augmentation.shift"].minimum, fields["augmentation.shift"].maximum) == (0, 1)


@pytest.mark.parametrize(
    ("schema", "others"),
    [
        ({}, []),
        ({"$ref": "#/$defs/Missing"}, []),
        ({"$ref": "elsewhere", "properties": {"a": 3, "b": {"type": "array"}}}, ["a", "b"]),
        ({"properties": {"a": {"enum": [1, 2]}, "b": {"anyOf": []}}}, ["a", "b"]),
        ({"$defs": {"A": {"properties": {"a": {"$ref": "#/$defs/A"}}}}, "$ref": "#/$defs/A"}, ["a.a.a"]),
    ],
    ids=["empty", "a reference to nothing", "no types", "other types", "a circle"],
)
def test_what_is_not_understood_of_a_schema_is_left_to_programs(schema: dict[str, Any], others: list[str]) -> None:
    """
    Whatever it is; nothing is guessed.
    """
    parameters = read_schema(schema)

    assert (parameters.fields, parameters.others) == ([], others)


def test_what_was_left_open_is_not_sent() -> None:
    """
    Keys of one object lie in one object; false and 0 are values.
    """
    values = {("epochs",): 3, ("seed",): 0, ("augmentation", "flip"): "none", ("augmentation", "shift"): None}

    assert document({**values, ("class_weights",): False, ("patience",): None}) == {
        "epochs": 3,
        "seed": 0,
        "augmentation": {"flip": "none"},
        "class_weights": False,
    }


def test_the_epochs_of_a_log_are_found_among_all_that_was_printed() -> None:
    """
    Half a line, noise and other events are shown, and are no epochs.
    """
    noise = (b'ss":2}', b'{"event":"started"}', b"\xff\xfe", b"Traceback", b'{"event":"epoch"}')
    content = b"\n".join([noise[0], EPOCH % 1, *noise[1:], EPOCH % 2])

    log = read_log(content)

    assert log.epochs == [Epoch(1, 1.5, 0.5, 2, 1), Epoch(2, 1.5, 0.5, 2, 1)]
    assert "Traceback" in log.end
