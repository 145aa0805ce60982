"""An optional package that is missing is named with the extra that brings it."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gpushare as gs
import pytest
from gpushare.extras import installed

ROOT = Path(__file__).resolve().parents[2]


def extras_of_the_project() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = text.split("[project.optional-dependencies]\n")[1].split("\n[")[0]
    return set(re.findall(r"^([a-z]+) = ", table, re.MULTILINE))


def a_packed_trace(folder: Path) -> Any:
    path = folder / "trace.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(32))
    return gs.traces.load(path)


def a_parquet_file(folder: Path) -> Any:
    path = folder / "trace.parquet"
    path.write_bytes(b"PAR1" + bytes(32))
    return gs.traces.load(path)


def a_yaml_scenario(folder: Path) -> Any:
    path = folder / "mine.yaml"
    path.write_text("name: mine\n", encoding="utf-8")
    return gs.Scenario.load(path)


MISSED: dict[str, tuple[str, str, Callable[[Path], Any]]] = {
    "plot": ("matplotlib", "plot", lambda _: gs.compare("voice-light", modes=["mps"]).plot()),
    "interactive": (
        "plotly",
        "interactive",
        lambda _: gs.plot.interactive(gs.compare("voice-light", modes=["mps"])),
    ),
    "pandas": ("pandas", "pandas", lambda _: gs.simulate("voice-light").requests.to_pandas()),
    "arrow": ("pyarrow", "arrow", lambda _: gs.simulate("voice-light").requests.to_arrow()),
    "parquet": ("pyarrow", "arrow", a_parquet_file),
    "zstd": ("zstandard", "zstd", a_packed_trace),
    "yaml": ("ruamel", "yaml", a_yaml_scenario),
    "plan": ("highspy", "plan", lambda _: gs.plan("voice-light")),
    "ray": ("ray", "ray", lambda _: gs.RayExecutor()),
}


@pytest.mark.parametrize("case", MISSED)
def test_a_missing_package_is_named_with_its_extra(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, extra, use = MISSED[case]
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=re.escape(f"{package}: pip install 'gpushare-sim[{extra}]'")):
        use(tmp_path)


def test_extras_that_are_named_are_there() -> None:
    sources = [*ROOT.glob("bindings/**/*.py"), *ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    named: set[str] = set()
    for source in sources:
        text = source.read_text(encoding="utf-8")
        named |= set(re.findall(r'\bextra\("(\w+)"', text))
        named |= {one for many in re.findall(r"gpushare-sim\[([\w,]+)\]", text) for one in many.split(",")}
    assert {"plan", "plot", "yaml", "zstd"} <= named <= extras_of_the_project()


def test_nobody_is_told_to_install_the_other_project_of_this_name() -> None:
    sources = [
        *ROOT.glob("bindings/**/*.py"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "README.md",
        ROOT / "pyproject.toml",
    ]
    other = re.compile(r"pip install '?gpushare(?!-sim)|\bgpushare\[")
    assert [str(path) for path in sources if other.search(path.read_text(encoding="utf-8"))] == []


def test_no_import_of_an_optional_package_goes_without_saying() -> None:
    bare = re.compile(
        r"^( *)(?:from|import) (matplotlib.figure|pandas|pyarrow|ray|zstandard|ruamel|highspy)\b"
    )
    found = []  # the rest of matplotlib is reached through a figure
    for source in ROOT.glob("bindings/**/*.py"):
        lines = source.read_text(encoding="utf-8").splitlines()
        guarded = None
        for line in lines:
            if re.match(r" *(with extra\(|if TYPE_CHECKING)", line):
                guarded = len(line) - len(line.lstrip())
            elif line.strip() and guarded is not None and len(line) - len(line.lstrip()) <= guarded:
                guarded = None
            if bare.match(line) and guarded is None:
                found.append(f"{source.relative_to(ROOT)}: {line.strip()}")
    assert found == []


def test_a_package_in_a_package_that_is_missing_is_not_installed() -> None:
    assert installed("json.decoder")
    assert not installed("json.no_such_module")
    assert not installed("no_such_package.yaml")
