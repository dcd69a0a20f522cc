"""The gateway: decodes posted images, batches them, asks the model server and keeps the history."""
