"""Measure on other machines: workers of dask.distributed fill the cache, from which the run then takes every number.

What travels are stretches of series, a few paths long, and the cache's own files, a few kilobytes for a checkpoint. A
run after it finds all in the cache, as if an earlier one had measured it there, and so its report is the same to the
bit, whatever the number of workers. A task that is done twice does no harm, and what no worker could do is done here.
"""

from reporter.cluster.run import measure_on_cluster

__all__ = ["measure_on_cluster"]
