"""Compiled loops over blocks of values: each releases the GIL and is plain enough to vectorise."""
