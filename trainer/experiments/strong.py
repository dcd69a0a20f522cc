"""The compact network, with all that a slice might show as well, label smoothing and weight decay.

    python -m trainer.experiments.strong --data DIR --hold-out patients
    python -m trainer.experiments.strong --data DIR --hold-out look-alikes

On 2 cores (AMD EPYC), 2026-11-24, beside other work:

- patients that were not seen, 5.2 minutes: accuracy 0.439 (folds 0.429, 0.341, 0.482, 0.506), macro F1 0.413; cancer
  against normal: sensitivity 0.947, specificity 0.832
- other slices of patients that were seen, 5.2 minutes: accuracy 0.726 (folds 0.784, 0.737, 0.690, 0.692), macro F1
  0.730; sensitivity 0.964, specificity 0.876

30 epochs are few for it.
"""

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
