"""Publish: the machine-readable outputs, and the folder that appears all at once."""
