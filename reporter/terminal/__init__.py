"""What a run prints on a terminal or into a log: progress, tables, findings."""
