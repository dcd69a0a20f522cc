"""The compact network, flipped and shifted a little.

    python -m trainer.experiments.light --data DIR --hold-out patients
    python -m trainer.experiments.light --data DIR --hold-out look-alikes

On 2 cores (AMD EPYC), 2026-11-24, beside other work:

- patients that were not seen, 3.3 minutes: accuracy 0.428 (folds 0.435, 0.271, 0.459, 0.548), macro F1 0.431; cancer
  against normal: sensitivity 0.947, specificity 0.658
- other slices of patients that were seen, 3.9 minutes: accuracy 0.778 (folds 0.795, 0.731, 0.789, 0.797), macro F1
  0.786; sensitivity 0.954, specificity 0.894
"""

from trainer.experiments.experiment import measure

if __name__ == "__main__":
    measure(
        {
            "epochs": 30,
            "patience": 30,
            "class_weights": False,
        }
    )
