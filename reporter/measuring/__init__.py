"""Measure: the only stage that touches weights; one streaming pass from blocks of values to small summaries."""
