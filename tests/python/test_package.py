"""What importing costs, and what is shipped."""

import subprocess
import sys
from importlib import resources

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
    use = "repr(gs.compare('voice-light', modes=['mps']))\nrepr(gs.mig.layouts())"
    loaded = loaded_after(f"import gpushare as gs\n{use}")
    assert "numpy" in loaded
    assert not loaded & {"pandas", "pyarrow", "matplotlib", "polars", "IPython"}


def test_names_stay_what_they_are_when_modules_are_imported() -> None:
    modules = ("comparison", "sweeps", "simulation", "profiles")
    code = "".join(f"import gpushare.{module}\n" for module in modules) + "import gpushare as gs\n"
    checks = "assert all(map(callable, (gs.compare, gs.sweep, gs.simulate, gs.profile, gs.grid)))"
    assert "gpushare.sweeps" in loaded_after(code + checks)


def test_the_package_is_typed() -> None:
    root = resources.files("gpushare")
    assert root.joinpath("py.typed").is_file()
    assert root.joinpath("_core.pyi").is_file()


def test_the_version_is_a_version() -> None:
    assert gs.__version__
