"""The embedded model server: a stand-in for TensorFlow Serving where its binary is not installed."""
