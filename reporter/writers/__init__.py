"""Publish: write report.json and tensors.csv, and put all files of a run into the output folder at once."""
