"""Derive: statistics, quantiles and histograms, each computed from a summary alone, without reading weights again."""
