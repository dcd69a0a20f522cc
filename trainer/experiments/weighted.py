"""The compact network, flipped and shifted a little, all classes counting alike.

    python -m trainer.experiments.weighted --data DIR --hold-out patients

On 2 cores (AMD EPYC), 2026-11-24, beside other work:

- patients that were not seen, 3.9 minutes: accuracy 0.435 (folds 0.299, 0.400, 0.582, 0.464), macro F1 0.428; cancer
  against normal: sensitivity 0.968, specificity 0.460
"""

from trainer.experiments.experiment import measure

if __name__ == "__main__":
    measure(
        {
            "epochs": 30,
            "patience": 30,
            "class_weights": True,
        }
    )
