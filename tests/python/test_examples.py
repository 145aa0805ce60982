"""Examples of docstrings run and give what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import gpushare
import pytest


def examples() -> list[doctest.DocTest]:
    """Of every function, class and method of the package, in order of their names."""
    found = []
    finder = doctest.DocTestFinder()
    for module in pkgutil.walk_packages(gpushare.__path__, "gpushare."):
        if module.name.rpartition(".")[2] not in ("__main__", "_core"):
            loaded = importlib.import_module(module.name)
            found += [one for one in finder.find(loaded, module.name) if one.examples]
    found += [
        one
        for one in finder.find(gpushare, "gpushare", module=False)
        if one.examples and one.name == "gpushare"
    ]
    return sorted(found, key=lambda one: one.name)


EXAMPLES = examples()
MOST_USED = """
    asr by capacity check cluster compare embedding engine_preset fits from_dict front grid layouts llm load model of
    parse pareto pays place plan profile profile_names replace report scenario_names sensitivity simulate
    states Summary sweep Table tidy timeline to_arrow tts validate voice with_faults with_objectives
"""


def test_the_names_that_people_use_most_have_examples() -> None:
    written = {one.name.rpartition(".")[2] for one in EXAMPLES}
    assert len(EXAMPLES) >= 50
    assert set(MOST_USED.split()) <= written


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name.removeprefix("gpushare."))
def test_an_example_gives_what_it_says(
    example: doctest.DocTest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert outcome.failed == 0, capsys.readouterr().out


def test_public_modules_list_only_what_is_public() -> None:
    for name in ("figures", "mig", "plot", "traces", "traffic"):
        module = getattr(gpushare, name)
        assert dir(module) == sorted(module.__all__), name
        assert all(inspect.getdoc(getattr(module, one)) for one in module.__all__)
