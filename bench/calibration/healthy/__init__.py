"""Runs in which nothing is wrong, one tuple of cases a module."""
