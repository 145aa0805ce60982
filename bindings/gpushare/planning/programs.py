"""Integer programs, solved by HiGHS."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from ..extras import extra

__all__ = ["Growing", "Program", "Solved"]


@dataclass(frozen=True)
class Solved:
    """What a solver found.

    Attributes
    ----------
    values : sequence of float or None
        By variable; None when nothing was found.
    cost : float
        Of these values; infinite when nothing was found.
    bound : float
        No solution costs less; infinite when there is none.
    """

    values: Sequence[float] | None
    cost: float
    bound: float


@dataclass
class Program:
    """Minimise the cost of variables of at least 0 under linear constraints."""

    costs: list[float] = field(default_factory=list)
    uppers: list[float] = field(default_factory=list)
    rows: list[tuple[float, float, Mapping[int, float]]] = field(default_factory=list)

    def variable(self, cost: float, upper: float = math.inf) -> int:
        """A whole number from 0 to `upper`; returns its position."""
        self.costs.append(cost)
        self.uppers.append(upper)
        return len(self.costs) - 1

    def constrain(self, lower: float, weights: Mapping[int, float], upper: float = math.inf) -> None:
        """The weighted sum lies from `lower` to `upper`."""
        self.rows.append((lower, upper, weights))

    def solve(self, *, max_nodes: int = 2_000) -> Solved:
        """Solves it, to the end or until `max_nodes` nodes of the search were visited.

        Parameters
        ----------
        max_nodes : int
            Bounds the work in a way that does not depend on the machine.
        """
        highspy, solver = _solver()
        solver.setOptionValue("mip_max_nodes", max_nodes)
        solver.passModel(self._model(highspy))
        solver.run()
        return self._read(highspy, solver)

    def _model(self, highspy: Any) -> Any:
        lp = highspy.HighsLp()
        count = len(self.costs)
        lp.num_col_, lp.num_row_ = count, len(self.rows)
        lp.col_cost_ = np.array(self.costs, dtype=float)
        lp.col_lower_ = np.zeros(count)
        lp.col_upper_ = np.array(self.uppers, dtype=float)
        lp.row_lower_ = np.array([row[0] for row in self.rows], dtype=float)
        lp.row_upper_ = np.array([row[1] for row in self.rows], dtype=float)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.cumsum([0, *(len(row[2]) for row in self.rows)], dtype=np.int32)
        lp.a_matrix_.index_ = np.array([i for row in self.rows for i in row[2]], dtype=np.int32)
        lp.a_matrix_.value_ = np.array([w for row in self.rows for w in row[2].values()], dtype=float)
        lp.integrality_ = [highspy.HighsVarType.kInteger] * count
        return lp

    def _read(self, highspy: Any, solver: Any) -> Solved:
        status = solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return Solved(None, math.inf, math.inf)
        info = solver.getInfo()
        found = info.primal_solution_status == 2
        cost = float(info.objective_function_value) if found else math.inf
        bound = float(info.mip_dual_bound)
        values = solver.getSolution().col_value if found else None
        return Solved(values, cost, bound)


class Growing:
    """A linear program that grows while it is solved again and again, each time from where it stood."""

    def __init__(self) -> None:
        highspy, self._solver = _solver()
        self._inf = highspy.kHighsInf
        self._optimal = highspy.HighsModelStatus.kOptimal

    def row(self, lower: float, upper: float, weights: Mapping[int, float]) -> int:
        """Bounds a weighted sum of variables; returns its position."""
        self._solver.addRow(
            max(lower, -self._inf),
            min(upper, self._inf),
            len(weights),
            np.array(list(weights), dtype=np.int32),
            np.array(list(weights.values()), dtype=float),
        )
        return int(self._solver.getNumRow()) - 1

    def variable(self, cost: float, weights: Mapping[int, float]) -> int:
        """A number of at least 0 with its weights in the rows there are; returns its position."""
        self._solver.addCol(
            cost,
            0.0,
            self._inf,
            len(weights),
            np.array(list(weights), dtype=np.int32),
            np.array(list(weights.values()), dtype=float),
        )
        return int(self._solver.getNumCol()) - 1

    def drop(self, variable: int) -> None:
        """Keeps a variable at 0."""
        self._solver.changeColBounds(variable, 0.0, 0.0)

    def solve(self) -> tuple[float, Sequence[float], Sequence[float]]:
        """The least cost, the variables, and what each row's bound costs.

        Raises
        ------
        RuntimeError
            When the program has no optimum.
        """
        self._solver.run()
        if self._solver.getModelStatus() != self._optimal:
            raise RuntimeError(f"the relaxation has no optimum: {self._solver.getModelStatus()}")
        solution = self._solver.getSolution()
        return (
            float(self._solver.getInfo().objective_function_value),
            list(solution.col_value),
            list(solution.row_dual),
        )


def _solver() -> tuple[Any, Any]:
    """HiGHS, and a solver of its with our options."""
    with extra("plan", "plans are integer programs and need"):
        highspy: Any = import_module("highspy")
    solver = highspy.Highs()
    for option, value in _OPTIONS.items():
        solver.setOptionValue(option, value)
    return highspy, solver


_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 1e-7,
}
