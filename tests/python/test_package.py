"""What importing costs, and what is shipped."""

import importlib
import pkgutil
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import gpushare as gs


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_imports_next_to_nothing() -> None:
    loaded = loaded_after("import gpushare")
    assert "gpushare" in loaded
    assert not loaded & {"gpushare._core", "numpy", "pandas", "pyarrow", "matplotlib", "argparse"}


def test_simulating_needs_numpy_alone() -> None:
    use = "str(gs.compare('voice-light', modes=['mps']))\nrepr(gs.mig.layouts())"
    loaded = loaded_after(f"import gpushare as gs\n{use}")
    assert "numpy" in loaded
    assert not loaded & {"pandas", "pyarrow", "matplotlib", "polars", "IPython"}


def test_names_stay_what_they_are_when_modules_are_imported() -> None:
    modules = [
        m.name for m in pkgutil.walk_packages(gs.__path__, "gpushare.") if m.name != "gpushare.__main__"
    ]
    kinds = {name: type(getattr(gs, name)).__name__ for name in gs.__all__}
    code = "".join(f"import {module}\n" for module in modules) + "import gpushare as gs\n"
    checks = f"assert {{n: type(getattr(gs, n)).__name__ for n in gs.__all__}} == {kinds}\n"
    assert "gpushare.study.sweeps" in loaded_after(code + checks)


def test_modules_that_are_public_can_be_imported_by_name() -> None:
    for name in ("mig", "plot", "traces", "traffic", "validation"):
        module = importlib.import_module(f"gpushare.{name}")
        assert module is getattr(gs, name)
        assert all(hasattr(module, public) for public in module.__all__)


def test_the_suites_are_not_imported_before_one_runs() -> None:
    use = "gs.compare('voice-light', modes=['mps'])\ngs.validate\ngs.validation.SUITES\ngs.calibrate"
    loaded = loaded_after(f"import gpushare as gs\n{use}")
    assert not {name for name in loaded if name.startswith("gpushare.validation.suites")}


def test_errors_of_our_own_are_made_where_they_learn_their_place() -> None:
    kinds = [name for name in gs.__all__ if name.endswith("Error")]
    made = re.compile(rf"\b({'|'.join(kinds)})\(")
    root = Path(gs.__file__).parent
    direct = [
        str(path.relative_to(root)) for path in root.rglob("*.py") if made.search(path.read_text("utf-8"))
    ]
    assert len(kinds) == 10
    assert direct == []  # they call _errors.fail


def test_the_package_is_typed() -> None:
    root = resources.files("gpushare")
    assert root.joinpath("py.typed").is_file()
    assert root.joinpath("_core.pyi").is_file()


def test_the_version_is_a_version() -> None:
    assert gs.__version__
