"""Results can be compared, and a sweep says what it is given."""

import ast
from pathlib import Path

import gpushare as gs
import pytest

SOURCES = sorted(Path(gs.__file__).parent.rglob("*.py"))


def compared_by_fields(source: Path) -> list[tuple[str, list[str]]]:
    """Dataclasses with a generated ``==``, and the annotations of their fields."""
    found = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            made = [ast.unparse(one) for one in node.decorator_list]
            if any(one.startswith("dataclass") and "eq=False" not in one for one in made):
                fields = [ast.unparse(one.annotation) for one in node.body if isinstance(one, ast.AnnAssign)]
                found.append((node.name, fields))
    return found


def test_what_holds_arrays_is_not_compared_by_them() -> None:
    classes = [found for source in SOURCES for found in compared_by_fields(source)]
    assert len(classes) > 50
    assert [name for name, fields in classes if any("NDArray" in field for field in fields)] == []


def test_packings_can_be_compared() -> None:
    nodes = [{"sn": "n", "cpu_milli": 9000, "memory_mib": 9, "gpu": 2, "model": "a100"}]
    pods = [{"name": "p", "cpu_milli": 1, "memory_mib": 1, "num_gpu": 1, "gpu_milli": 500}]
    one, other = gs.cluster(nodes, pods, seeds=2), gs.cluster(nodes, pods, seeds=2)
    assert one == one
    assert one != other
    assert one.to_dict() == other.to_dict()


@pytest.mark.parametrize("points", ["voice-light", {"users": [1]}, [1], ["a"], 5])
def test_a_sweep_of_what_are_no_points_says_what_to_write(points: object) -> None:
    with pytest.raises(TypeError, match=r"points: found .*; make them with gs\.grid"):
        gs.sweep(points)  # type: ignore[arg-type]
