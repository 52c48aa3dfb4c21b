"""Examples that can be run with ``python -m examples.NAME``."""
