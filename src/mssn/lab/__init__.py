"""All that needs PyTorch: networks, their data, training, export and experiments."""
