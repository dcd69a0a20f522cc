"""The trainer: from a folder of CT images to a published, described version in the model store."""
