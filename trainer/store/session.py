"""A version on disk, asked as TensorFlow Serving asks it: through a session, in float32 or in bfloat16.

`tensorflow_model_server --mixed_precision=bfloat16` (tensorflow/serving#2193) switches on one of Grappler's rewrites in
the configuration of its sessions; so do the embedded server and this, and no setting of the process changes. What is
computed in bfloat16 is Grappler's choice: convolutions and products, not the softmax.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel as SavedModelProto

Precision = Literal["float32", "bfloat16"]


class ServingSession:
    """`serving_default` of a version, at one precision; only frozen versions, which have nothing to restore.

    A context, which frees its memory at the end.
    """

    def __init__(self, folder: Path, precision: Precision) -> None:
        saved = SavedModelProto.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0]
        signature = saved.signature_def["serving_default"]
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(saved.graph_def, name="")
        self._session = tf.compat.v1.Session(graph=graph, config=_config(precision))
        self._fetches = [signature.outputs["probabilities"].name]
        self._feeds = [signature.inputs["images"].name]

    def predictor(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        """Return a function, uint8 `[N, H, W, C]` -> float32 `[N, K]`, with little around the call."""
        ask = self._session.make_callable(self._fetches, feed_list=self._feeds)
        return lambda images: ask(images)[0]

    def dtypes(self, images: NDArray[np.uint8]) -> set[str]:
        """Answer once, and return the names of the types that the rewritten graph computes its convolutions in."""
        options = tf.compat.v1.RunOptions(output_partition_graphs=True)
        metadata = tf.compat.v1.RunMetadata()
        self._session.run(self._fetches, {self._feeds[0]: images}, options=options, run_metadata=metadata)
        nodes = [node for graph in metadata.partition_graphs for node in graph.node]
        return {tf.as_dtype(node.attr["T"].type).name for node in nodes if "conv2d" in node.op.lower()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()


def _config(precision: Precision) -> tf.compat.v1.ConfigProto:
    config = tf.compat.v1.ConfigProto()
    if precision == "bfloat16":
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = RewriterConfig.ON
    return config
