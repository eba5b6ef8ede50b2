"""Reads damaged documents and checkpoints, to find what fails in another way than it should."""
