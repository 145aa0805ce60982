"""What is simulated: scenario documents, GPU profiles, models, engine presets and MIG layouts."""

from .engines import EnginePreset, engine_preset, engine_preset_names
from .mig import Layout
from .profiles import Model, Profile, model, model_names, profile, profile_names
from .scenario import Scenario, scenario_names

__all__ = [
    "EnginePreset",
    "Layout",
    "Model",
    "Profile",
    "Scenario",
    "engine_preset",
    "engine_preset_names",
    "model",
    "model_names",
    "profile",
    "profile_names",
    "scenario_names",
]
