"""Gather: every checkpoint of a series measured or remembered, under the names of its series, and compared exactly."""
