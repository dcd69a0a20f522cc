"""Writes what the model server of a local run serves: the deployed configuration, with a base path of this machine."""

import json

from deploy.local.layout import Layout

_DEPLOYED = '"/models/lung"'


def write_models_config(layout: Layout) -> None:
    """Write `var/run/models.config` from `serving/config/models.config`; base paths must be absolute."""
    template = (layout.root / "serving/config/models.config").read_text(encoding="utf-8")
    store = json.dumps(str(layout.store), ensure_ascii=False)  # a string is quoted alike in a protocol buffer's text
    layout.models_config.write_text(template.replace(_DEPLOYED, store), encoding="utf-8")
