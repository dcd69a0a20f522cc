"""Our part of TensorFlow's own messages has the numbers and types of theirs."""

import pytest
from google.protobuf.message import Message
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, rewriter_config_pb2, saved_model_pb2

from proto import tensorflow_pb2 as ours

PAIRS = [
    (ours.SavedModel, saved_model_pb2.SavedModel),
    (ours.MetaGraphDef, meta_graph_pb2.MetaGraphDef),
    (ours.MetaGraphDef.MetaInfoDef, meta_graph_pb2.MetaGraphDef.MetaInfoDef),
    (ours.ConfigProto, config_pb2.ConfigProto),
    (ours.GraphOptions, config_pb2.GraphOptions),
    (ours.RewriterConfig, rewriter_config_pb2.RewriterConfig),
    (ours.RunOptions, config_pb2.RunOptions),
]


@pytest.mark.parametrize(("mine", "official"), PAIRS, ids=lambda value: value.__name__)
def test_each_field_is_theirs(mine: type[Message], official: type[Message]) -> None:
    theirs = _fields(official)

    for name, field in _fields(mine).items():
        assert field == theirs[name], name


def test_a_toggle_has_the_same_numbers() -> None:
    theirs = rewriter_config_pb2.RewriterConfig.Toggle

    assert {name: theirs.Value(name) for name in ours.RewriterConfig.Toggle.keys()} == dict(  # noqa: SIM118 - no dict
        ours.RewriterConfig.Toggle.items()
    )


def _fields(message: type[Message]) -> dict[str, tuple[int, int, bool]]:
    return {field.name: (field.number, field.type, field.is_repeated) for field in message.DESCRIPTOR.fields}
