"""Plain, frozen data that travels between the stages; no stage is imported from here."""
