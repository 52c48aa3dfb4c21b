"""Measure speed, where possible beside a reference in the same run, so that machines can be compared."""
