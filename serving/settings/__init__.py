"""The flags of the model server: names and defaults of TensorFlow Serving (`model_servers/main.cc`), some are ours."""

from serving.settings.commandline import flags, parse
from serving.settings.struct import Settings, SettingsError

__all__ = ["Settings", "SettingsError", "flags", "parse"]
