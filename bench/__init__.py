"""Measurements of speed, as ratios to references taken in the same run."""
