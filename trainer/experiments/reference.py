"""The network of the project that this one replaces, at 128 x 128 pixels."""

from trainer.experiments.experiment import measure

if __name__ == "__main__":
    measure(
        {
            "architecture": "reference",
            "image_size": 128,
            "epochs": 15,
            "patience": 5,
            "class_weights": False,
        }
    )
