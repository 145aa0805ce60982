"""Configurations that projects publish, as facts: what they say, with where they say it."""

#: NVIDIA/mig-parted, deployments/systemd/config-default.yaml at 1400787: what each configuration makes of all GPUs,
#: those with filters by card left out. None: MIG is off.
MIG_PARTED_DEFAULT: dict[str, dict[str, int] | None] = {
    "all-disabled": None,
    "all-enabled": {},
    "all-1g.5gb": {"1g.5gb": 7},
    "all-1g.5gb.me": {"1g.5gb+me": 1},
    "all-2g.10gb": {"2g.10gb": 3},
    "all-3g.20gb": {"3g.20gb": 2},
    "all-4g.20gb": {"4g.20gb": 1},
    "all-7g.40gb": {"7g.40gb": 1},
    "all-1g.10gb.me": {"1g.10gb+me": 1},
    "all-1g.20gb": {"1g.20gb": 4},
    "all-2g.20gb": {"2g.20gb": 3},
    "all-3g.40gb": {"3g.40gb": 2},
    "all-4g.40gb": {"4g.40gb": 1},
    "all-7g.80gb": {"7g.80gb": 1},
    "all-1g.6gb": {"1g.6gb": 4},
    "all-1g.6gb.me": {"1g.6gb+me": 1},
    "all-2g.12gb": {"2g.12gb": 2},
    "all-2g.12gb.me": {"2g.12gb+me": 1},
    "all-4g.24gb": {"4g.24gb": 1},
    "all-1g.18gb": {"1g.18gb": 7},
    "all-1g.18gb.me": {"1g.18gb+me": 1},
    "all-1g.35gb": {"1g.35gb": 4},
    "all-2g.35gb": {"2g.35gb": 3},
    "all-3g.71gb": {"3g.71gb": 2},
    "all-4g.71gb": {"4g.71gb": 1},
    "all-7g.141gb": {"7g.141gb": 1},
}
#: The same file, "all-balanced": by a PCI id of each card and the profile that describes it here.
MIG_PARTED_BALANCED: dict[str, tuple[str, dict[str, int]]] = {
    "0x20B210DE": ("a100", {"1g.10gb": 2, "2g.20gb": 1, "3g.40gb": 1}),
    "0x20B010DE": ("a100-40gb", {"1g.5gb": 2, "2g.10gb": 1, "3g.20gb": 1}),
    "0x20B710DE": ("a30", {"1g.6gb": 2, "2g.12gb": 1}),
    "0x233510DE": ("h200", {"1g.18gb": 2, "2g.35gb": 1, "3g.71gb": 1}),
}
#: NVIDIA/mig-parted, examples/config.yaml at 5aa3dd9, "custom-config": GPUs and their instances.
MIG_PARTED_CUSTOM: list[tuple[list[int], dict[str, int] | None]] = [
    ([0, 1, 2, 3], None),
    ([4], {"1g.5gb": 7}),
    ([5], {"2g.10gb": 3}),
    ([6], {"3g.20gb": 2}),
    ([7], {"1g.5gb": 2, "2g.10gb": 1, "3g.20gb": 1}),
]
#: NVIDIA/k8s-device-plugin, README.md at 00f2a02, "Shared Access to GPUs": method, whether renamed, replicas of
#: nvidia.com/gpu; on a node of 8 GPUs it then hands out 80.
DEVICE_PLUGIN_EXAMPLES = [
    ("timeSlicing", False, 10),
    ("timeSlicing", True, 10),
    ("mps", False, 10),
    ("mps", True, 10),
]


def mig_entry(counts: dict[str, int] | None, devices: object = "all", **more: object) -> dict[str, object]:
    """An entry of mig-configs."""
    if counts is None:
        return {**more, "devices": devices, "mig-enabled": False}
    return {**more, "devices": devices, "mig-enabled": True, "mig-devices": counts}


#: NVIDIA/k8s-dra-driver-gpu, demo/specs/quickstart/gpu-test7.yaml at 4066752 (v1beta1: members of `exactly` stand in
#: the request): one pod with two containers, each with a GPU of its own.
DRA_QUICKSTART: list[dict[str, object]] = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gpu-test1"}},
    {
        "apiVersion": "resource.k8s.io/v1beta1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"namespace": "gpu-test1", "name": "single-gpu"},
        "spec": {"spec": {"devices": {"requests": [{"name": "gpu", "deviceClassName": "gpu.nvidia.com"}]}}},
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "gpu-test1", "name": "gpu-pod", "labels": {"app": "pod"}},
        "spec": {
            "containers": [
                {"name": "ctr0", "image": "ubuntu:22.04", "resources": {"claims": [{"name": "gpu0"}]}},
                {"name": "ctr1", "image": "ubuntu:22.04", "resources": {"claims": [{"name": "gpu1"}]}},
            ],
            "resourceClaims": [
                {"name": "gpu0", "resourceClaimTemplateName": "single-gpu"},
                {"name": "gpu1", "resourceClaimTemplateName": "single-gpu"},
            ],
        },
    },
]
#: kubernetes-sigs/dra-driver-nvidia-gpu, site/content/docs, "GPU sharing": two clients of MPS with 50 % and 10Gi each.
DRA_MPS: dict[str, object] = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceClaimTemplate",
    "metadata": {"namespace": "mps-example", "name": "shared-gpu"},
    "spec": {
        "spec": {
            "devices": {
                "requests": [{"name": "mps-gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}],
                "config": [
                    {
                        "requests": ["mps-gpu"],
                        "opaque": {
                            "driver": "gpu.nvidia.com",
                            "parameters": {
                                "apiVersion": "resource.nvidia.com/v1beta1",
                                "kind": "GpuConfig",
                                "sharing": {
                                    "strategy": "MPS",
                                    "mpsConfig": {
                                        "defaultActiveThreadPercentage": 50,
                                        "defaultPinnedDeviceMemoryLimit": "10Gi",
                                    },
                                },
                            },
                        },
                    }
                ],
            }
        }
    },
}
