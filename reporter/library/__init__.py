"""What ``reporter.measure`` and ``reporter.diff`` return: numbers by name, as tables, pictures, text and JSON."""
