"""What a run prints on a terminal or into a log: its progress, and tables for quick questions."""
