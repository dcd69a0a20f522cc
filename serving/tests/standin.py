"""A program in the place of `tensorflow_model_server`, which does not run everywhere: a shell script."""

from pathlib import Path


def stand_in(folder: Path, body: str, *, tensorflow: str = "2.21.0") -> Path:
    """Write a `tensorflow_model_server` that tells its version as the real one does, and otherwise runs `body`."""
    binary = folder / "tensorflow_model_server"
    binary.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then\n'
        f'  printf "TensorFlow ModelServer: 0.0.0+dev.sha.3e05381e\\nTensorFlow Library: {tensorflow}\\n"\n'
        "  exit 0\n"
        "fi\n"
        f"{body}\n"
    )
    binary.chmod(0o755)
    return folder
