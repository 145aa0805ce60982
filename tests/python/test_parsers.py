"""The Python fuzz targets (tests/fuzz/parsers.py) on their corpus, and on mutations of it that are always the same."""

import importlib.util
import random
import sys
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[1] / "fuzz" / "parsers.py"
_SPEC = importlib.util.spec_from_file_location("fuzz_parsers", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
parsers = importlib.util.module_from_spec(_SPEC)
sys.modules["fuzz_parsers"] = parsers
_SPEC.loader.exec_module(parsers)


@pytest.mark.parametrize("name", parsers.TARGETS)
def test_any_input_gives_a_value_or_the_documented_error(name: str, tmp_path: Path) -> None:
    if name == "arrow":
        pytest.importorskip("pyarrow")
    corpus = parsers.inputs(name)
    for data in corpus:
        parsers.check(name, data, tmp_path)
    luck = random.Random(name)
    for _ in range(150):
        parsers.check(name, parsers.mutated(corpus, luck), tmp_path)


@pytest.mark.parametrize("name", parsers.TARGETS)
def test_the_corpus_has_an_input_that_is_accepted(name: str, tmp_path: Path) -> None:
    if name == "arrow":
        pytest.importorskip("pyarrow")
    target, documented = parsers.TARGETS[name]
    accepted = 0
    for data in parsers.inputs(name):
        path = tmp_path / "input"
        path.write_bytes(data)
        try:
            target(path)
        except documented:
            continue
        accepted += 1
    assert accepted > 0
