"""A report whose checkpoints are measured by pods of Kubernetes; needs dask-kubernetes and its operator in the cluster.

The image is that of the Dockerfile with ``pip install 'ckpt-report[cluster]'``; every pod mounts the checkpoints at the
same path as the machine on which this runs. Workers have one thread each, as their checkpoints are read one at a time.
"""

import subprocess

from dask_kubernetes.operator import KubeCluster, make_cluster_spec

CKPTS = "/data/ckpts"

spec = make_cluster_spec(name="ckpt-report", image="registry.example.org/ckpt-report-cluster:0.2.0", n_workers=8)
pod = spec["spec"]["worker"]["spec"]
pod["volumes"] = [{"name": "ckpts", "persistentVolumeClaim": {"claimName": "checkpoints", "readOnly": True}}]
container = pod["containers"][0]
container["volumeMounts"] = [{"name": "ckpts", "mountPath": CKPTS, "readOnly": True}]
container["args"] = [*container["args"], "--nthreads", "1", "--memory-limit", "4GiB"]

if __name__ == "__main__":
    with KubeCluster(custom_cluster_spec=spec) as cluster:
        command = ["ckpt-report", "report", CKPTS, "-o", "reports", "--scheduler", cluster.scheduler_address]
        raise SystemExit(subprocess.run(command, check=False).returncode)
