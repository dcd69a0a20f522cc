"""Freezing: a function's variables become constants, and the graph is folded, because that serves faster.

Batch normalisation goes into the convolutions; the figures are in ARCHITECTURE.md.
"""

import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from tensorflow.python.grappler import tf_optimizer

from trainer.untyped import Function


def frozen(function: Function) -> Function:
    """Return a function without variables.

    Args:
        function: ConcreteFunction of one tensor, that answers tensors by name.

    Returns:
        The same, as a Python function to be traced or called.
    """
    names = sorted(function.structured_outputs)  # the order in which TensorFlow flattens them
    constants = convert_variables_to_constants_v2(function)
    inputs, outputs = [t.name for t in constants.inputs], [t.name for t in constants.outputs]
    graph_def = _folded(constants)
    imported = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph_def, name=""), [])
    pruned = imported.prune(inputs, outputs)
    return lambda images: dict(zip(names, pruned(images), strict=True))


def _folded(function: Function) -> GraphDef:
    """Fold constants with Grappler. Fusing is left to the server, whose processor decides what it gains."""
    meta_graph = tf.compat.v1.train.export_meta_graph(graph_def=function.graph.as_graph_def(), graph=function.graph)
    fetches = meta_graph.collection_def["train_op"].node_list.value
    fetches.extend(t.name for t in (*function.inputs, *function.outputs))
    config = tf.compat.v1.ConfigProto()
    rewrites = config.graph_options.rewrite_options
    rewrites.optimizers.extend(["constfold", "arithmetic", "dependency", "constfold"])
    rewrites.min_graph_nodes = -1  # small graphs too
    return tf_optimizer.OptimizeGraph(config, meta_graph)
