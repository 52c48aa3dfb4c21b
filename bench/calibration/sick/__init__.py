"""Runs with one defect each, one tuple of cases a module."""
