"""A run as the DCGM exporter would show it: text, and a server on this machine alone.

Metrics, labels and units are those of NVIDIA's dcgm-exporter: GPU_UTIL in per cent, *_ACTIVE as shares, FB_* in MiB;
on MIG instances GR_ENGINE_ACTIVE in place of GPU_UTIL, and a line for each pod that shares a device (label ``vgpu``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import numpy.typing as npt

from .._numbers import check_count, check_number
from ..scenario.scenario import Scenario, ScenarioLike
from ..study.results import Result
from ..study.simulation import as_scenario, simulate
from .fleet import Card, Fleet, Part, fleet_of
from .parts import Naming

__all__ = ["Mock", "mock", "serve"]

_HOST = "127.0.0.1"
_MIB = 2.0**20
_HELP = {
    "DCGM_FI_DEV_GPU_UTIL": "GPU utilization (in %).",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "Ratio of time the graphics engine is active.",
    "DCGM_FI_PROF_SM_ACTIVE": "The ratio of cycles an SM has at least 1 warp assigned; simulated: time in which "
    "a step is "
    "on the SMs that it may use.",
    "DCGM_FI_PROF_DRAM_ACTIVE": "Ratio of cycles the device memory interface is active sending or receiving data.",
    "DCGM_FI_DEV_FB_USED": "Framebuffer memory used (in MiB).",
    "DCGM_FI_DEV_FB_FREE": "Framebuffer memory free (in MiB).",
}
_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Device:
    """A GPU or an instance, its labels, and its gauges in every window."""

    labels: Mapping[str, str]
    pods: Sequence[str]
    gauges: Mapping[str, _Numbers]


class Mock:
    """A run in windows: `text` is what the exporter says in one of them, or on average.

    Attributes
    ----------
    windows : int
        How many there are, of `window_s` seconds.
    """

    def __init__(self, devices: Sequence[_Device], window_s: float, windows: int) -> None:
        self._devices = devices
        self.window_s = window_s
        self.windows = windows

    def __repr__(self) -> str:
        return f"<Mock of {len(self._devices)} devices: {self.windows} windows of {self.window_s:g} s>"

    def text(self, at_s: float | None = None) -> str:
        """The exporter's text.

        Parameters
        ----------
        at_s : float, optional
            A time of the run, which begins again at its end; by default the mean of all windows.
        """
        if at_s is not None:
            at_s = check_number("at_s", at_s, "a time of the run, in seconds,", lambda s: 0 <= s < np.inf)
        number = None if at_s is None else int(at_s // self.window_s) % self.windows
        lines: list[str] = []
        for metric, about in _HELP.items():
            found = [line for device in self._devices for line in _lines(device, metric, number)]
            if found:
                lines += [f"# HELP {metric} {about}", f"# TYPE {metric} gauge", *found]
        return "\n".join(lines) + "\n"


def _lines(device: _Device, metric: str, number: int | None) -> Iterator[str]:
    values = device.gauges.get(metric)
    if values is None:
        return
    value = float(values.mean() if number is None else values[number])
    shown = f"{value:.6g}" if metric.startswith("DCGM_FI_PROF") else f"{value:.0f}"
    for index, pod in enumerate(device.pods or [""]):
        labels = dict(device.labels)
        if pod:
            labels |= {"container": "server", "namespace": "default", "pod": pod}
        if len(device.pods) > 1:
            labels["vgpu"] = str(index)
        inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
        yield f"{metric}{{{inner}}} {shown}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def mock(
    scenario: ScenarioLike, *, seed: int | None = None, window_s: float = 15.0, naming: Naming | None = None
) -> Mock:
    """Simulates a scenario once, and keeps what an exporter would have seen.

    A GPU is busy while a step is on it, also while time-slicing hands it over (assumed: kernels that were interrupted
    count as present). SM activity is that time on the SMs that the steps may use: an upper bound, as what a kernel
    leaves idle is not known.

    Parameters
    ----------
    scenario : Scenario, str, path or mapping
        On the placement that is to be seen.
    seed : int, optional
        By default the scenario's.
    window_s : float
        Over which shares are taken; 15 s is how often Prometheus asks the exporter of the GPU Operator.
    naming : Naming, optional
        What the cluster calls its nodes.

    Returns
    -------
    Mock

    Raises
    ------
    OutOfMemoryError, SimulationError
        As `simulate`.
    ValueError
        For a window that is not above 0.
    """
    window_s = check_number("window_s", window_s, "a time above 0, in seconds,", lambda s: 0 < s < np.inf)
    whole = as_scenario(scenario)
    result = simulate(whole, seed=seed, record_requests=False, record_log=True)
    return _mocked(whole, result, window_s, naming if naming is not None else Naming())


def _mocked(scenario: Scenario, result: Result, window_s: float, naming: Naming) -> Mock:
    fleet = fleet_of(scenario)
    naming.check(fleet.nodes)
    run = result.runs[0]
    summaries = {one["name"]: one for one in run.summary["partitions"]}
    steps = run.log["steps"]
    windows = max(1, int(np.ceil((scenario.duration_s or run.figures["duration_s"]) / window_s)))
    places = np.asarray(steps["partition"], dtype=object)
    begins, ends = np.asarray(steps["gpu_start_s"], float), np.asarray(steps["gpu_end_s"], float)
    services = np.asarray(steps["service"], dtype=object)
    devices = []
    for card, part, name in _parts(scenario, fleet):
        here = places == name
        busy = _busy(begins[here], ends[here], window_s, windows)
        sms = np.zeros(windows)
        for service in {seat.service for seat in part.seats}:
            own = here & (services == service)
            share = max(seat.percentage for seat in part.seats if seat.service == service) / 100
            share = min(share, _sm_share(scenario, service))
            sms += share * _busy(begins[own], ends[own], window_s, windows)
        devices.append(_device(fleet, naming, card, part, busy, np.minimum(busy, sms), summaries[name]))
    return Mock(devices, window_s, windows)


def _sm_share(scenario: Scenario, service: str) -> float:
    """Of the SMs that it may use, what a service keeps busy; 1 where its model does not say."""
    described = scenario.document["services"][service]["model"]
    return float(described.get("sm_share", 1.0)) if isinstance(described, Mapping) else 1.0


def _parts(scenario: Scenario, fleet: Fleet) -> Iterator[tuple[Card, Part, str]]:
    """Every part with its name in results."""
    for card, gpu in zip(fleet.cards, scenario.gpus, strict=True):
        for part, described in zip(card.parts, gpu["partitions"], strict=True):
            yield card, part, f"gpu{card.number}/{described['name']}"


def _busy(begins: _Numbers, ends: _Numbers, window_s: float, windows: int) -> _Numbers:
    """Share of each window in which something ran: of the union of the steps."""
    found = np.zeros(windows)
    known = np.isfinite(begins) & np.isfinite(ends) & (ends > begins)
    order = np.argsort(begins[known], kind="stable")
    begin, end = begins[known][order], ends[known][order]
    if not len(begin):
        return found
    reach = np.maximum.accumulate(end)
    first = np.concatenate([[True], begin[1:] > reach[:-1]])
    starts = begin[first]
    stops = reach[np.concatenate([first[1:], [True]])]
    edges = window_s * np.arange(windows + 1)
    # Busy time up to each edge: whole stretches before it, and the part of the one that it cuts.
    lengths = np.concatenate([[0.0], np.cumsum(stops - starts)])
    before = np.searchsorted(starts, edges)
    cut = np.where(before > 0, np.maximum(stops[np.maximum(before - 1, 0)] - edges, 0.0), 0.0)
    found = np.diff(lengths[before] - cut) / window_s
    return np.clip(found, 0.0, 1.0)


def _device(
    fleet: Fleet,
    naming: Naming,
    card: Card,
    part: Part,
    busy: _Numbers,
    active: _Numbers,
    summary: Mapping[str, Any],
) -> _Device:
    labels = {
        "gpu": str(card.index),
        "UUID": f"GPU-mock-{card.number}",
        "device": f"nvidia{card.index}",
        "modelName": card.product,
        "Hostname": naming.node(card.node),
    }
    if part.instance:
        labels |= {"GPU_I_PROFILE": part.instance, "GPU_I_ID": str(part.number)}
    mean = float(busy.mean())
    drawn = float(summary["bandwidth_utilisation"])
    used = np.full(len(busy), float(summary["memory_used_bytes"]) / _MIB)
    gauges = {
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": busy,
        "DCGM_FI_PROF_SM_ACTIVE": active,
        "DCGM_FI_PROF_DRAM_ACTIVE": np.clip(busy * (drawn / mean if mean > 0 else 0.0), 0.0, 1.0),
        "DCGM_FI_DEV_FB_USED": used,
        "DCGM_FI_DEV_FB_FREE": np.maximum(part.memory_bytes / _MIB - used, 0.0),
    }
    if not part.instance:
        gauges["DCGM_FI_DEV_GPU_UTIL"] = 100 * busy
    return _Device(labels, _pods(fleet, card, part), gauges)


def _pods(fleet: Fleet, card: Card, part: Part) -> list[str]:
    """Replicas with a rank on a part, named as the pods of an export are with numbers of their own."""
    return [
        fleet.name_of(replica)
        for replica in fleet.replicas
        if any(own.number == card.number and other.number == part.number for own, other, _ in replica.ranks)
    ]


def serve(
    found: Mock,
    port: int = 9400,
    *,
    speed: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> ThreadingHTTPServer:
    """A server of ``/metrics`` on this machine's own address, which nobody else reaches; the run begins now.

    Parameters
    ----------
    found : Mock
        What to serve.
    port : int
        0: any that is free, ``server_address[1]`` of the server.
    speed : float
        Simulated seconds in a second.
    clock : callable
        Seconds that pass.

    Returns
    -------
    http.server.ThreadingHTTPServer
        To be run by ``serve_forever``, and closed by ``server_close``.

    Raises
    ------
    OSError
        When the port is taken.
    """
    port = check_count("port", port, 0, 65535)
    begun = clock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] not in ("/metrics", "/"):
                self.send_error(404, "there is /metrics")
                return
            body = found.text(speed * (clock() - begun)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: the command speaks for itself."""

    return ThreadingHTTPServer((_HOST, port), Handler)
