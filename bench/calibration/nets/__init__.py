"""The nets that numpy trains: what a run needs is their weights, a batch and a loss."""
