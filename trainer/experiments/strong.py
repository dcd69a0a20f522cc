"""Turned, zoomed, brightened and erased as well, with label smoothing and weight decay."""

from trainer.experiments.experiment import measure

if __name__ == "__main__":
    measure(
        {
            "epochs": 30,
            "patience": 30,
            "class_weights": False,
            "augmentation.rotation": 10,
            "augmentation.zoom": 0.1,
            "augmentation.brightness": 0.1,
            "augmentation.contrast": 0.2,
            "augmentation.erasing": 0.3,
            "label_smoothing": 0.1,
            "weight_decay": 0.01,
        }
    )
