"""The messages and methods of TensorFlow Serving that Pulmo speaks, without TensorFlow."""
