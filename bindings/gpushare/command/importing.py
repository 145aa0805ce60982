"""``gpushare import``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from .. import files

__all__ = ["FILES", "add_import"]

#: What is read of a cluster; names are free, but for their ends.
FILES = """files (names are free: each is known by what is in it; folders in a folder are read too, rollback/ is not):
  nodes.yaml|json          kubectl get nodes -o yaml
  pods.yaml|json           kubectl get pods -A -o yaml; Deployments and other workloads too
  mig-parted.yaml          a configuration of nvidia-mig-parted, or its ConfigMap
  device-plugin.yaml       a configuration of NVIDIA's device plugin, or its ConfigMap
  values.yaml              Helm values of the GPU Operator
  claims.yaml              ResourceClaims and templates of gpu.nvidia.com; ResourceSlices tell the nodes' GPUs
  dcgm.prom|txt            curl http://EXPORTER:9400/metrics
  prometheus.json          /api/v1/query_range?query={__name__=~"DCGM_FI_DEV_GPU_UTIL|DCGM_FI_DEV_FB_USED|..."}
  prometheus.csv           the same as a table: metric, timestamp, value and labels, or a column for each series"""


def add_import(subparsers: Any, add: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = add(
        subparsers,
        "import",
        "say what files of a cluster mean: MIG, time-slicing, MPS, claims, nodes, pods, utilisation",
        read,
        "gpushare import mig-parted.yaml",
        "gpushare import cluster/    # a folder of files, as below",
    )
    parser.epilog = f"{parser.epilog}\n\n{FILES}"
    parser.add_argument("path", metavar="FILE|DIR", help="a file, or a folder of files")


def read(options: argparse.Namespace) -> None:
    """``gpushare import``."""
    from ..kubernetes.explaining import import_files

    found = import_files(options.path)
    print(files.plain_json(found.to_dict()) if options.json else found)
