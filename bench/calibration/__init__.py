"""Measure how often the rules are right: train healthy and sick models, and compare what the report says of each."""
