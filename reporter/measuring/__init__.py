"""Measure: the only stage that reads weights. Blocks of values stream in, and small summaries come out."""
