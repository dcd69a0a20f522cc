"""What the trainer refuses, in words for the operator; the command line prints the message and ends with status 2.

TrainerError
+-- ConfigError   a run's configuration is refused
+-- DataError     the data set cannot be used
+-- RunError      a run folder, a store or an output folder cannot be used
+-- TrainingError training itself did not come to an end
+-- NetworkError  a network cannot be explained
+-- ParityError   a written version does not answer as the model in memory does
+-- PromotionError a run must not replace the version that is served
"""


class TrainerError(Exception):
    """The operator can mend this: the message names the place and the remedy."""


class ConfigError(TrainerError):
    """A key or a value of a run's configuration is refused; the message names it, its value and the limit."""


class DataError(TrainerError):
    """The data set is missing, empty or contradicts itself."""


class RunError(TrainerError):
    """A run folder, a model store or an output folder is missing, incomplete or in the way."""


class TrainingError(TrainerError):
    """Training did not come to a result: its loss is not finite, or it was told to end before its first epoch."""


class NetworkError(TrainerError):
    """A network is not made of what its heat maps are computed from."""


class ParityError(TrainerError):
    """A version on disk does not answer as the model that it was written from; it must not be published."""


class PromotionError(TrainerError):
    """A run is worse than the version that it would replace, or cannot be compared with it; nothing was published."""
