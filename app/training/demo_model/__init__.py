"""Trains the small text-to-image model that ships with the product; `python -m app.training.demo_model`."""
