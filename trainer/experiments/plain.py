"""The compact network without augmentation: what there is to beat."""

from trainer.experiments.experiment import measure

if __name__ == "__main__":
    measure(
        {
            "epochs": 30,
            "patience": 30,
            "augmentation.flip": "none",
            "augmentation.shift": 0,
            "class_weights": False,
        }
    )
