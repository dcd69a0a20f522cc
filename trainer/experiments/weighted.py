"""Flipped and shifted a little, all classes counting alike."""

from trainer.experiments.experiment import measure

if __name__ == "__main__":
    measure(
        {
            "epochs": 30,
            "patience": 30,
            "class_weights": True,
        }
    )
