"""Settings of a run: the frozen values, and the places that they come from."""
