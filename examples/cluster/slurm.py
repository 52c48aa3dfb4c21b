"""A report whose checkpoints are measured by jobs of SLURM; needs dask-jobqueue and a file system of all nodes."""

import subprocess

from dask_jobqueue import SLURMCluster

CKPTS = "/scratch/ckpts"

if __name__ == "__main__":
    # Each job is a worker of one thread: its checkpoints are read one at a time.
    with SLURMCluster(cores=1, processes=1, memory="4GB", walltime="02:00:00", queue="cpu") as cluster:
        cluster.scale(jobs=16)
        command = ["ckpt-report", "report", CKPTS, "-o", "reports", "--scheduler", cluster.scheduler_address]
        raise SystemExit(subprocess.run(command, check=False).returncode)
