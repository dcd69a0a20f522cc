"""Gathers images that wait for the model into batches.

The rule (`rule`) is work-conserving and knows what is coming: an idle model gets what waits, at once where no more is
being decoded, else together with that; while the model computes, images gather. A full batch goes ahead of the answer,
and what has gathered goes a moment before it, so as to be there in time. So there is no waiting time to tune: an idle
gateway adds none, a busy one batches by itself.
"""
