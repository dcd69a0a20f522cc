"""The compact network, flipped and shifted a little.

    python -m trainer.experiments.light --data DIR --hold-out patients

3.3 minutes on 2 cores (AMD EPYC), 2026-11-24, beside other work. On patients that were not seen:
accuracy 0.428 (folds 0.435,
0.271, 0.459, 0.548), macro F1 0.431; cancer against normal: sensitivity 0.947, specificity 0.658.
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
