"""What is simulated: scenario documents, GPU profiles, models, engine presets and MIG layouts."""

from .engines import EnginePreset, engine_preset, engine_preset_names
from .mig import Layout
from .placement import Placement
from .placing import Fit, Misfit, fits, place
from .profiles import Model, Profile, model, model_names, profile, profile_names
from .scenario import Scenario, scenario_names
from .workload import Workload

__all__ = [
    "EnginePreset",
    "Fit",
    "Layout",
    "Misfit",
    "Model",
    "Placement",
    "Profile",
    "Scenario",
    "Workload",
    "engine_preset",
    "engine_preset_names",
    "fits",
    "model",
    "model_names",
    "place",
    "profile",
    "profile_names",
    "scenario_names",
]
