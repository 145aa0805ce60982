"""Shared settings and fixtures."""

import os

import gpushare as gs
import pytest
from hypothesis import HealthCheck, settings

# The same examples on every machine and run.
settings.register_profile(
    "derandomised",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "derandomised"))


@pytest.fixture(scope="session")
def light() -> gs.Scenario:
    """The light voice pipeline, shortened."""
    document = gs.Scenario.load("voice-light").document
    document["traffic"][0] |= {"ramp_up_s": 2, "hold_s": 30, "ramp_down_s": 2}
    return gs.Scenario.from_dict(document)


@pytest.fixture(scope="session")
def result(light: gs.Scenario) -> gs.Result:
    """One run of it with requests and steps."""
    return gs.simulate(light, record_steps=True)
