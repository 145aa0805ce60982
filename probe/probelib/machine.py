"""The machine: its GPU and MPS tools, a private MPS daemon, and the environment of a client."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

DEFAULT_PIPE = Path("/tmp/nvidia-mps")


class ProbeError(RuntimeError):
    """Something is missing or failed; the message says what to do."""


def query_gpu(gpu: int, *fields: str) -> dict[str, str]:
    """Fields of `nvidia-smi --query-gpu` for one GPU, read only."""
    if shutil.which("nvidia-smi") is None:
        raise ProbeError("no nvidia-smi on the PATH: this machine has no NVIDIA driver")
    command = [
        "nvidia-smi",
        f"--id={gpu}",
        f"--query-gpu={','.join(fields)}",
        "--format=csv,noheader,nounits",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ProbeError(f"no GPU {gpu}: {(done.stdout + done.stderr).strip()}")
    return dict(zip(fields, (value.strip() for value in done.stdout.strip().split(","))))


def check_machine(gpu: int) -> None:
    """Raises `ProbeError` when there is no free GPU to measure."""
    facts = query_gpu(gpu, "mig.mode.current", "compute_mode", "memory.used")
    if facts["mig.mode.current"] == "Enabled":
        raise ProbeError("the GPU is in MIG mode: the probe measures whole cards and changes no setting")
    if facts["compute_mode"] not in ("Default", "[N/A]"):
        raise ProbeError(f"compute mode is {facts['compute_mode']}: time-slicing needs Default")
    if float(facts["memory.used"]) > 4096:
        raise ProbeError(
            f"{facts['memory.used']} MiB of the GPU are in use: other work would spoil the numbers"
        )
    if (DEFAULT_PIPE / "control").exists():
        raise ProbeError(f"an MPS daemon seems to run ({DEFAULT_PIPE}/control): stop it first")


def client_environment(gpu: int, pipe: Path | None, percentage: int | None = None) -> dict[str, str]:
    """Variables for a client: of the daemon at `pipe`, or of no daemon at all."""
    env = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_MPS_PIPE_DIRECTORY": str(pipe or "/nonexistent-mps-pipe")}
    env["CUDA_VISIBLE_DEVICES"] = "0" if pipe else str(gpu)
    if percentage is not None:
        env["CUDA_MPS_ACTIVE_THREAD_PERCENTAGE"] = str(percentage)
    return env


class Mps:
    """An MPS daemon in a private directory; stopped on exit from the `with` block, whatever happens."""

    def __init__(self, gpu: int) -> None:
        self.gpu = gpu
        self.folder: Path | None = None

    def __enter__(self) -> Mps:
        if shutil.which("nvidia-cuda-mps-control") is None:
            raise ProbeError("no nvidia-cuda-mps-control on the PATH: install the driver's MPS tools")
        self.folder = Path(tempfile.mkdtemp(prefix="probe-mps-"))
        (self.folder / "log").mkdir()
        self.pipe.mkdir()
        done = subprocess.run(["nvidia-cuda-mps-control", "-d"], env=self._environment(), capture_output=True)
        if done.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ProbeError(f"the MPS daemon did not start: {done.stderr.decode().strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            subprocess.run(["nvidia-cuda-mps-control"], input=b"quit -t 5\n", env=self._environment(),
                           capture_output=True, timeout=30)  # fmt: skip
        finally:
            shutil.rmtree(self.folder or "", ignore_errors=True)

    @property
    def pipe(self) -> Path:
        """The daemon's CUDA_MPS_PIPE_DIRECTORY."""
        assert self.folder is not None
        return self.folder / "pipe"

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": str(self.gpu),
            "CUDA_MPS_PIPE_DIRECTORY": str(self.pipe),
            "CUDA_MPS_LOG_DIRECTORY": str(self.folder / "log"),
        }
