"""Runs of scenarios: one, one for each sharing mode, one for each point of a grid, and what they measured."""

from .comparison import Comparison, compare
from .estimates import Estimate
from .paired import Payoff
from .points import Point, grid
from .results import Result, Run, Summary
from .simulation import simulate
from .sweeps import SweepTable, sweep

__all__ = [
    "Comparison",
    "Estimate",
    "Payoff",
    "Point",
    "Result",
    "Run",
    "Summary",
    "SweepTable",
    "compare",
    "grid",
    "simulate",
    "sweep",
]
