# make demo [TRACE=file]   the voice-pipeline comparison, and a request trace on one A100
# make test                C++ and Python tests
# make test-all            what is long or needs more than a compiler: threads, clang-tidy, fuzzing, the source package
# make develop             from now on .venv uses the Python sources here: editing them needs no installing
# make bench               benchmarks
# make docs                the documentation as a site, in build/site
# make check               formatting, floors and sizes, typing, and the stub against the module
# make format              formats C++ and Python sources
# make clean               removes build/ and .venv/
#
# What is missing is installed first: system packages where apt-get may (see tools/prerequisites), Python packages
# into .venv. Nothing is built or installed twice: stamps in .venv/stamps carry the hash of what they were made from.
# What installing and building print is in build/setup.log.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
TRACE ?=

jobs := $(shell nproc 2>/dev/null || echo 2)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(jobs)
export CTEST_PARALLEL_LEVEL ?= $(jobs)
export CMAKE_GENERATOR := Ninja
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(CURDIR)/.venv/bin:$(PATH)
unexport PYTHONPATH VIRTUAL_ENV

hash = $(shell find $(1) -type f -not -path '*/__pycache__/*' -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
recipe := $(call hash,pyproject.toml)
stamps := .venv/stamps
# After `make develop` only what is compiled or configured is ever installed again.
editable := $(wildcard $(stamps)/editable)
package := $(if $(editable),editable-)$(call hash,pyproject.toml CMakeLists.txt cmake libgpushare bindings/CMakeLists.txt \
  bindings/*.cpp bindings/*.hpp profiles models engines scenarios $(if $(editable),,README.md bindings/gpushare validation))
venv := $(stamps)/venv-$(recipe)

# A step's CPU and wall seconds go to the file that GPUSHARE_STEPS names, if any.
timed = $(if $(GPUSHARE_STEPS),tools/timed.py '$(1)')

.PHONY: help demo test test-all suite tsan clang tidy fuzz properties clusters browser docs sdist-test fetch-test develop developed bench check style typing \
  stub format clean prerequisites venv requirements package

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# --- what everything needs --------------------------------------------------------------------------------------

prerequisites:
	@tools/prerequisites $(if $(filter test test-all tsan tidy fuzz bench,$(MAKECMDGOALS)),--libraries) \
	  $(if $(filter check style format,$(MAKECMDGOALS)),--format) $(if $(filter check style,$(MAKECMDGOALS)),--ctags) \
	  $(if $(filter test-all fuzz clang,$(MAKECMDGOALS)),--clang) $(if $(filter test-all tidy,$(MAKECMDGOALS)),--tidy) \
	  $(if $(filter test-all browser,$(MAKECMDGOALS)),--browser) $(PYTHON)

# Packages are compiled when they are first imported: most of their files never are.
pip_install = .venv/bin/python -m pip install -q --no-compile

$(venv): | prerequisites
	@tools/quietly 'making .venv' $(PYTHON) -m venv .venv
	@.venv/bin/python tools/requirements.py --build > .venv/requirements.txt
	@tools/quietly 'installing what the build needs into .venv' $(pip_install) -r .venv/requirements.txt ninja
	@# The system's CMake where it is 3.25 or later, otherwise the one on PyPI.
	@printf '3.25\n%s\n' "$$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p')" | sort -VC || \
	  tools/quietly 'installing CMake into .venv' $(pip_install) cmake
	@mkdir -p $(stamps)
	@touch $@

# One stamp for each set of requirements; the larger set serves for the smaller one.
$(stamps)/requirements-test-$(recipe): | $(venv)
	@.venv/bin/python tools/requirements.py test > .venv/requirements.txt
	@tools/quietly 'installing what the tests need into .venv' $(pip_install) -r .venv/requirements.txt
	@touch $@

$(stamps)/requirements-dev-$(recipe): | $(venv)
	@.venv/bin/python tools/requirements.py dev > .venv/requirements.txt
	@tools/quietly 'installing what developers need into .venv' $(pip_install) -r .venv/requirements.txt
	@touch $(stamps)/requirements-test-$(recipe) $@

# Ruff alone is enough to read the sources before anything is built.
$(stamps)/ruff-$(recipe): | $(venv)
	@.venv/bin/python tools/requirements.py dev | grep '^ruff' > .venv/requirements.txt
	@tools/quietly 'installing ruff into .venv' $(pip_install) -r .venv/requirements.txt
	@touch $@

# The wheel is built in the tree of the release preset, so that it and the C++ tests share one library.
$(stamps)/package-$(package): | $(venv)
	@$(call timed,release library and wheel) tools/quietly 'building and installing gpushare (minutes the first time)' \
	  $(pip_install) --no-build-isolation --check-build-dependencies --config-settings=build-dir=build/release \
	  $(if $(editable),-e) '.[plan,plot,yaml,explore]'
	@rm -f $(stamps)/package-*  # sources that go back to what they were are installed again
	@touch $@

venv: $(venv)
requirements: $(stamps)/requirements-dev-$(recipe)
package: $(stamps)/package-$(package)

# --- the two commands of the README -----------------------------------------------------------------------------

demo: $(stamps)/package-$(package)
	@.venv/bin/python -m gpushare demo $(if $(TRACE),--trace '$(TRACE)')

# CPP_TESTS=theory: of the C++ tests only those that the sanitizers thin out, where these have run the others.
test: $(stamps)/requirements-test-$(recipe) $(stamps)/package-$(package)
	@tools/quietly 'configuring the C++ tests' cmake --preset release
	@$(call timed,release build of the tests) tools/quietly 'building the C++ tests (minutes the first time)' \
	  cmake --build --preset release $(if $(CPP_TESTS),--target gpushare_$(CPP_TESTS))
	$(call timed,release tests) ctest --preset release $(if $(CPP_TESTS),--label-regex '^$(CPP_TESTS)$$')
	.venv/bin/python -m pytest -n $(jobs) --dist loadscope --no-loadscope-reorder --durations=15

# --- for developers ---------------------------------------------------------------------------------------------

develop: | $(venv)
	@test -e $(stamps)/editable || { rm -f $(stamps)/package-* && touch $(stamps)/editable; }
	@$(MAKE) --no-print-directory developed

developed: $(stamps)/requirements-dev-$(recipe) $(stamps)/package-$(package)

bench: $(stamps)/package-$(package)
	cmake --preset release -DGPUSHARE_BUILD_BENCHMARKS=ON
	cmake --build --preset release --target gpushare_bench
	build/release/bench/gpushare_bench
	.venv/bin/python bench/import_time.py
	.venv/bin/python bench/sweep_scaling.py

# What is long or needs more than a compiler, each by itself too.
long := suite tsan clang tidy fuzz properties clusters browser docs sdist-test fetch-test
FUZZ_SECONDS ?= 60

test-all: | $(venv)
	@tools/test_all $(long)

# All C++ tests by the optimised library, which sanitizers thin out, theory with ten times the requests of `make test`; g++'s
# warnings are errors.
suite: export CMAKE_ARGS = -DGPUSHARE_WARNINGS_AS_ERRORS=ON
suite: $(stamps)/package-$(package)
	cmake --preset release $(CMAKE_ARGS)
	cmake --build --preset release
	ctest --preset suite

tsan: | $(venv)
	cmake --preset tsan
	cmake --build --preset tsan
	ctest --preset tsan

# Every source by itself, so that an #include that is missing is found.
clang: | $(venv)
	tools/check_with_clang.py

tidy: | $(venv)
	tools/check_with_clang.py --tidy

fuzz: $(stamps)/requirements-test-$(recipe) $(stamps)/package-$(package)
	tools/fuzz $(FUZZ_SECONDS)

# Tests of properties with many more examples, other ones each time.
properties: $(stamps)/requirements-test-$(recipe) $(stamps)/package-$(package)
	HYPOTHESIS_PROFILE=long .venv/bin/python -m pytest -n $(jobs) --dist loadscope -m "hypothesis or long" -q

# Sweeps on a real dask cluster and a real local Ray.
clusters: $(stamps)/requirements-test-$(recipe) $(stamps)/package-$(package)
	.venv/bin/python tools/requirements.py cluster > .venv/requirements.txt
	$(pip_install) -r .venv/requirements.txt
	.venv/bin/python -m pytest -m cluster -q

# Pages and the site in Chromium: widths, keyboard, print, search, and the rules of axe.
browser: $(stamps)/requirements-test-$(recipe) $(stamps)/package-$(package)
	.venv/bin/python tools/requirements.py browser docs > .venv/requirements.txt
	$(pip_install) -r .venv/requirements.txt
	.venv/bin/python -m pytest -m browser -q

# Without a network; a warning is an error.
docs: $(stamps)/package-$(package)
	.venv/bin/python tools/requirements.py docs > .venv/requirements.txt
	$(pip_install) -r .venv/requirements.txt
	.venv/bin/python -m sphinx -W --keep-going -q -b html docs build/site
	@echo 'build/site/index.html'

sdist-test: | $(venv)
	tools/test_sdist $(PYTHON)

fetch-test: | $(venv)
	tools/test_fetch.py

cpp_sources = $(shell find libgpushare bindings tests bench examples \( -name '*.cpp' -o -name '*.hpp' -o -name '*.inl' \))
clang_format = $(shell command -v clang-format-14 || command -v clang-format)

check: style typing stub

# What needs no build, and little else.
style: $(stamps)/ruff-$(recipe)
	@echo clang-format
	@printf '%s\n' $(cpp_sources) | xargs -n 40 -P $(jobs) $(clang_format) --dry-run --Werror
	ruff check
	ruff format --check
	tools/check_floors.py
	tools/check_sizes.py

# What needs the packages that ours uses, but not ours.
typing: $(stamps)/requirements-dev-$(recipe)
	cd bindings && lint-imports --no-cache --no-logo --config ../pyproject.toml
	mypy

stub: $(stamps)/requirements-dev-$(recipe) $(stamps)/package-$(package)
	stubtest gpushare._core --allowlist tests/python/stubtest_allowlist.txt

format: $(stamps)/ruff-$(recipe)
	$(clang_format) -i $(cpp_sources)
	ruff check --fix-only -q
	ruff format

clean:
	rm -rf build .venv
