"""Gathers images that wait for the model into batches.

The rule (`rule`) is work-conserving and knows what is coming: an idle model gets what waits, at once where no more is
being decoded, else together with that; while the model computes, images gather, and only a full batch goes ahead of the
answer. So there is no waiting time to tune: an idle gateway adds none, a busy one batches by itself.
"""
