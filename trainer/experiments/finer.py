"""The same on 192 x 192 pixels."""

from trainer.experiments.experiment import measure

if __name__ == "__main__":
    measure(
        {
            "epochs": 30,
            "patience": 30,
            "class_weights": False,
            "image_size": 192,
        }
    )
