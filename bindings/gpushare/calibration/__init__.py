"""Measurements of a GPU, and the profile and models that they give."""

from .calibration import Calibration
from .fitting import calibrate
from .measurements import Measurements

__all__ = ["Calibration", "Measurements", "calibrate"]
