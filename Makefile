# make demo [TRACE=file]   the voice-pipeline comparison, and a request trace on one A100
# make test                C++ and Python tests
# make develop             from now on .venv uses the Python sources here: editing them needs no installing
# make bench               benchmarks
# make check               formatting, floors of the Python package, typing, and the stub against the module
# make format              formats C++ and Python sources
# make clean               removes build/ and .venv/
#
# What is missing is installed first: system packages where apt-get may (see tools/prerequisites), Python packages
# into .venv. Nothing is built or installed twice: stamps in .venv/stamps carry the hash of what they were made from.

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

.PHONY: help demo test develop developed bench check format clean prerequisites

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

# --- what everything needs --------------------------------------------------------------------------------------

prerequisites:
	@tools/prerequisites $(if $(filter test bench,$(MAKECMDGOALS)),--libraries) \
	  $(if $(filter check format,$(MAKECMDGOALS)),--format) $(PYTHON)

$(venv): | prerequisites
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install -qq 'scikit-build-core>=0.10' 'pybind11>=3' ninja
	# The system's CMake where it is 3.25 or later, otherwise the one on PyPI.
	@printf '3.25\n%s\n' "$$(cmake --version 2>/dev/null | sed -n 's/^cmake version //p')" | sort -VC || \
	  .venv/bin/python -m pip install -qq cmake
	mkdir -p $(stamps)
	touch $@

# The wheel is built in the tree of the release preset, so that it and the C++ tests share one library.
install = .venv/bin/python -m pip install -qq --no-build-isolation --check-build-dependencies \
	  --config-settings=build-dir=build/release

# One stamp for each set of optional requirements; a larger set serves for the smaller ones.
$(stamps)/package-$(package): | $(venv)
	@echo 'building and installing gpushare (minutes the first time)'
	$(install) $(if $(editable),-e) .
	touch $@

$(stamps)/package-test-$(package): | $(venv)
	@echo 'building and installing gpushare with what its tests need (minutes the first time)'
	$(install) $(if $(editable),-e) '.[test]'
	touch $(stamps)/package-$(package) $@

$(stamps)/package-dev-$(package): | $(venv)
	@echo "building and installing gpushare with the developer's tools (minutes the first time)"
	$(install) $(if $(editable),-e) '.[dev]'
	touch $(stamps)/package-$(package) $(stamps)/package-test-$(package) $@

# --- the two commands of the README -----------------------------------------------------------------------------

demo: $(stamps)/package-$(package)
	@.venv/bin/python -m gpushare demo $(if $(TRACE),--trace '$(TRACE)')

test: $(stamps)/package-test-$(package)
	cmake --preset release
	cmake --build --preset release
	ctest --preset release
	.venv/bin/python -m pytest -n $(jobs) --dist loadfile

# --- for developers ---------------------------------------------------------------------------------------------

develop: | $(venv)
	@test -e $(stamps)/editable || { rm -f $(stamps)/package-* && touch $(stamps)/editable; }
	@$(MAKE) --no-print-directory developed

developed: $(stamps)/package-dev-$(package)

bench: $(stamps)/package-$(package)
	cmake --preset release -DGPUSHARE_BUILD_BENCHMARKS=ON
	cmake --build --preset release --target gpushare_bench
	build/release/bench/gpushare_bench
	.venv/bin/python bench/import_time.py

cpp_sources = $(shell find libgpushare bindings tests bench examples \( -name '*.cpp' -o -name '*.hpp' -o -name '*.inl' \))
clang_format = $(shell command -v clang-format-14 || command -v clang-format)

check: $(stamps)/package-dev-$(package)
	$(clang_format) --dry-run --Werror $(cpp_sources)
	ruff check
	ruff format --check
	lint-imports --no-cache --no-logo
	mypy
	stubtest gpushare._core --allowlist tests/python/stubtest_allowlist.txt

format: $(stamps)/package-dev-$(package)
	$(clang_format) -i $(cpp_sources)
	ruff check --fix-only -q
	ruff format

clean:
	rm -rf build .venv
