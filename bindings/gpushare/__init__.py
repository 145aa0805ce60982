"""Simulates how services share GPUs: throughput, latency, jitter and cost, and how many GPUs come free.

>>> import gpushare as gs
>>> table = gs.compare("voice-heavy", modes=["dedicated", "mps"])  # doctest: +SKIP

Names are imported when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import figures as figures
    from . import mig as mig
    from . import plot as plot
    from . import traces as traces
    from . import traffic as traffic
    from ._core import CalibrationError as CalibrationError
    from ._core import Error as Error
    from ._core import FigureError as FigureError
    from ._core import LayoutError as LayoutError
    from ._core import ModelError as ModelError
    from ._core import OutOfMemoryError as OutOfMemoryError
    from ._core import ProfileError as ProfileError
    from ._core import ScenarioError as ScenarioError
    from ._core import SimulationError as SimulationError
    from ._core import TraceError as TraceError
    from .calibration.calibration import Calibration as Calibration
    from .calibration.fitting import calibrate as calibrate
    from .calibration.measurements import Measurements as Measurements
    from .clusters.data import Cluster as Cluster
    from .clusters.packing import cluster as cluster
    from .clusters.results import Packing as Packing
    from .clusters.timed import ClusterRun as ClusterRun
    from .clusters.timed import ClusterRuns as ClusterRuns
    from .clusters.timed import cluster_over_time as cluster_over_time
    from .frames.notices import Notice as Notice
    from .frames.tables import Table as Table
    from .kubernetes.explaining import Imported as Imported
    from .kubernetes.explaining import import_files as import_files
    from .kubernetes.exporting import export as export
    from .kubernetes.mock import Mock as Mock
    from .kubernetes.mock import mock as mock
    from .kubernetes.parts import ExportError as ExportError
    from .kubernetes.parts import Naming as Naming
    from .observed.answer import Freed as Freed
    from .observed.answer import Observed as Observed
    from .observed.answer import from_cluster as from_cluster
    from .planning.answer import Plan as Plan
    from .planning.capacity import capacity as capacity
    from .planning.capacity_text import Capacity as Capacity
    from .planning.claim import Claim as Claim
    from .planning.claim import check as check
    from .planning.deciding import Comparison as Comparison
    from .planning.deciding import compare as compare
    from .planning.deciding_sweeps import SweepTable as SweepTable
    from .planning.deciding_sweeps import sweep as sweep
    from .planning.implied import Kept as Kept
    from .planning.plan import plan as plan
    from .planning.scenario_check import ScenarioCheck as ScenarioCheck
    from .planning.scenario_check import check_scenario as check_scenario
    from .planning.tables import plan_tables as plan_tables
    from .planning.verdict import Verdict as Verdict
    from .scenario.builders import Load as Load
    from .scenario.builders import asr as asr
    from .scenario.builders import embedding as embedding
    from .scenario.builders import llm as llm
    from .scenario.builders import rag as rag
    from .scenario.builders import tts as tts
    from .scenario.builders import voice as voice
    from .scenario.engines import EnginePreset as EnginePreset
    from .scenario.engines import engine_preset as engine_preset
    from .scenario.engines import engine_preset_names as engine_preset_names
    from .scenario.mig import Layout as Layout
    from .scenario.placement import Placement as Placement
    from .scenario.placing import Fit as Fit
    from .scenario.placing import Misfit as Misfit
    from .scenario.placing import fits as fits
    from .scenario.placing import place as place
    from .scenario.profiles import Model as Model
    from .scenario.profiles import Profile as Profile
    from .scenario.profiles import model as model
    from .scenario.profiles import model_names as model_names
    from .scenario.profiles import profile as profile
    from .scenario.profiles import profile_names as profile_names
    from .scenario.scenario import Scenario as Scenario
    from .scenario.scenario import scenario_names as scenario_names
    from .scenario.workload import Workload as Workload
    from .study.checkpoint import StoreWarning as StoreWarning
    from .study.estimates import Estimate as Estimate
    from .study.paired import Payoff as Payoff
    from .study.points import Point as Point
    from .study.points import grid as grid
    from .study.replay import Replay as Replay
    from .study.replay import replay as replay
    from .study.results import Result as Result
    from .study.results import Run as Run
    from .study.results import Summary as Summary
    from .study.runner import RayExecutor as RayExecutor
    from .study.sensitivity import Sensitivity as Sensitivity
    from .study.sensitivity import sensitivity as sensitivity
    from .study.simulation import simulate as simulate
    from .traces import Trace as Trace
    from .traces.benchmark_result import BenchmarkResult as BenchmarkResult
    from .traces.benchmarks import load_result as load_result
    from .traces.benchmarks import load_results as load_results
    from .validation import Report as Report
    from .validation import validate as validate
    from .validation.engine_fit import EngineFit as EngineFit
    from .validation.engine_fit import fit_engine as fit_engine
    from .validation.result_curve import ResultCurve as ResultCurve
    from .validation.result_curve import check_results as check_results
    from .validation.results import ResultCheck as ResultCheck
    from .validation.results import check_result as check_result
    from .validation.sources import Answers as Answers
    from .validation.sources import answer_claims as answer_claims
    from .windows.answer import ClusterWindow as ClusterWindow
    from .windows.window import cluster_window as cluster_window

    __version__: str

_MODULES = ("figures", "mig", "plot", "traces", "traffic")
_HOMES = {
    "_core": (
        "CalibrationError",
        "Error",
        "FigureError",
        "LayoutError",
        "ModelError",
        "OutOfMemoryError",
        "ProfileError",
        "ScenarioError",
        "SimulationError",
        "TraceError",
    ),
    "calibration.calibration": ("Calibration",),
    "kubernetes.explaining": ("Imported", "import_files"),
    "kubernetes.exporting": ("export",),
    "kubernetes.mock": ("Mock", "mock"),
    "kubernetes.parts": ("ExportError", "Naming"),
    "observed.answer": ("Freed", "Observed", "from_cluster"),
    "planning.answer": ("Plan",),
    "planning.capacity": ("capacity",),
    "planning.capacity_text": ("Capacity",),
    "planning.plan": ("plan",),
    "planning.scenario_check": ("ScenarioCheck", "check_scenario"),
    "planning.tables": ("plan_tables",),
    "planning.claim": ("Claim", "check"),
    "planning.deciding": ("Comparison", "compare"),
    "planning.deciding_sweeps": ("SweepTable", "sweep"),
    "planning.implied": ("Kept",),
    "planning.verdict": ("Verdict",),
    "scenario.builders": ("Load", "asr", "embedding", "llm", "rag", "tts", "voice"),
    "scenario.engines": ("EnginePreset", "engine_preset", "engine_preset_names"),
    "calibration.fitting": ("calibrate",),
    "calibration.measurements": ("Measurements",),
    "clusters.data": ("Cluster",),
    "clusters.packing": ("cluster",),
    "clusters.results": ("Packing",),
    "clusters.timed": ("ClusterRun", "ClusterRuns", "cluster_over_time"),
    "scenario.mig": ("Layout",),
    "study.points": ("Point", "grid"),
    "scenario.placement": ("Placement",),
    "scenario.placing": ("Fit", "Misfit", "fits", "place"),
    "scenario.profiles": ("Model", "Profile", "model", "model_names", "profile", "profile_names"),
    "study.estimates": ("Estimate",),
    "study.paired": ("Payoff",),
    "study.results": ("Result", "Run", "Summary"),
    "scenario.scenario": ("Scenario", "scenario_names"),
    "scenario.workload": ("Workload",),
    "study.checkpoint": ("StoreWarning",),
    "study.runner": ("RayExecutor",),
    "study.sensitivity": ("Sensitivity", "sensitivity"),
    "study.replay": ("Replay", "replay"),
    "study.simulation": ("simulate",),
    "frames.notices": ("Notice",),
    "frames.tables": ("Table",),
    "traces": ("Trace",),
    "validation": ("Report", "validate"),
    "traces.benchmark_result": ("BenchmarkResult",),
    "traces.benchmarks": ("load_result", "load_results"),
    "validation.engine_fit": ("EngineFit", "fit_engine"),
    "validation.result_curve": ("ResultCurve", "check_results"),
    "validation.results": ("ResultCheck", "check_result"),
    "validation.sources": ("Answers", "answer_claims"),
    "windows.answer": ("ClusterWindow",),
    "windows.window": ("cluster_window",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BenchmarkResult",
    "Calibration",
    "CalibrationError",
    "Capacity",
    "Claim",
    "Cluster",
    "ClusterRun",
    "ClusterRuns",
    "ClusterWindow",
    "Comparison",
    "EngineFit",
    "EnginePreset",
    "Error",
    "Estimate",
    "FigureError",
    "Fit",
    "Kept",
    "Layout",
    "LayoutError",
    "Load",
    "Measurements",
    "Misfit",
    "Model",
    "ModelError",
    "OutOfMemoryError",
    "Packing",
    "Payoff",
    "Placement",
    "Plan",
    "Point",
    "Profile",
    "ProfileError",
    "RayExecutor",
    "Replay",
    "Report",
    "Result",
    "ResultCheck",
    "ResultCurve",
    "Run",
    "Scenario",
    "ScenarioCheck",
    "ScenarioError",
    "Sensitivity",
    "SimulationError",
    "StoreWarning",
    "Summary",
    "SweepTable",
    "Table",
    "Trace",
    "TraceError",
    "Verdict",
    "Workload",
    "__version__",
    "asr",
    "calibrate",
    "capacity",
    "check",
    "check_result",
    "check_results",
    "check_scenario",
    "cluster",
    "cluster_over_time",
    "cluster_window",
    "compare",
    "embedding",
    "engine_preset",
    "engine_preset_names",
    "figures",
    "fit_engine",
    "fits",
    "grid",
    "llm",
    "load_result",
    "load_results",
    "mig",
    "model",
    "model_names",
    "place",
    "plan",
    "plan_tables",
    "plot",
    "profile",
    "profile_names",
    "rag",
    "replay",
    "scenario_names",
    "sensitivity",
    "simulate",
    "sweep",
    "traces",
    "traffic",
    "tts",
    "validate",
    "voice",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = importlib.import_module("._version", __name__).installed_version()
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    elif name in _HOME:
        value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
