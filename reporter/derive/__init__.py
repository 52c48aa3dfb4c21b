"""Derive: statistics, quantiles and histograms, each a pure function of a summary."""
