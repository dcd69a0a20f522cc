"""What clients say of predictions: the true label, and how often the model was right by it."""
