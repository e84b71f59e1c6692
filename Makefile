# make demo   own virtual environment, editable install, the paper-size instance solved, its result table
# make test   the same environment with the development tools: ruff, import-linter, mypy, documentation site, pytest
#
# PYTHON is the interpreter (3.11 or newer) that makes the environment, VENV is where the environment lives, CONSTRAINTS
# holds the versions of what is installed into it, PACKAGES is the folder of what is installed.

PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check

# The C++ compiler of this machine, or else the one of the package ziglang, which is taken from the package index.
ifeq ($(origin CXX),default)
COMPILER := $(firstword $(foreach name,c++ g++ clang++,$(shell command -v $(name))))
else
COMPILER := $(CXX)
endif
ZIG := $(abspath $(BIN))/zig-
BUILD := PATH="$(abspath $(BIN)):$$PATH" $(if $(COMPILER),,CC="$(ZIG)cc" CXX="$(ZIG)c++" SKBUILD_CMAKE_DEFINE="CMAKE_AR=$(ZIG)ar;CMAKE_RANLIB=$(ZIG)ranlib")
CORE_SOURCES := $(wildcard core/*.* core/*/*.*)
PACKAGES = $$($(abspath $(BIN))/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
SANITIZED := tests/core tests/beamforming/test_dual_bound.py tests/beamforming/test_subset_bounds.py tests/beamforming/test_pricing.py
SOURCES := fgamcd_opt formulations solvers instances tests docs .ci $(wildcard benchmarks)

.DELETE_ON_ERROR:
.PHONY: help demo test install lint format installed types site wheel sanitize pytest test-latest test-oldest fuzz benchmark docs map clean

help:
	@echo 'make demo        install into $(VENV) and solve the paper-size instance'
	@echo 'make test        ruff, import-linter, mypy, the documentation site and the test suite'
	@echo 'make test-latest | test-oldest    the test suite on the newest and on the oldest versions of the dependencies'
	@echo 'make lint | types | site | pytest    one of the four alone; the site is built into site/'
	@echo 'make wheel       a wheel in dist/, which needs no compiler where it is installed'
	@echo 'make sanitize    the compiled core with sanitizers, and its tests on it'
	@echo 'make format      let ruff format the sources'
	@echo 'make fuzz        property tests with fresh examples; every solver on adversarial instances, for MINUTES'
	@echo 'make benchmark   speed and certified gaps of the beamforming'
	@echo 'make docs        run the examples of the documentation and refresh their outputs'
	@echo 'make map         draw the map of the house from the imports'
	@echo 'make clean       remove what was built ($(VENV) stays)'

demo: $(VENV)/core.stamp
	$(BIN)/fgamcd solve paper

test: lint types site pytest

install: $(VENV)/core.stamp

# The pinned build tools come first, so that the installs below need no isolated environment of their own.
$(VENV)/tools.stamp: $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo '$(PYTHON) is older than Python 3.11; run: make PYTHON=/path/to/python3.11'; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade -c $(CONSTRAINTS) cmake nanobind ninja scikit-build-core $(if $(COMPILER),,ziglang)
	@$(if $(COMPILER),:,$(PYTHON) .ci/zig_compiler.py $(BIN))
	@touch $@

# What is compiled, and again when one of its sources is newer.
$(VENV)/core.stamp: pyproject.toml $(CONSTRAINTS) $(VENV)/tools.stamp $(CORE_SOURCES)
	$(BUILD) $(PIP) install --no-build-isolation -c $(CONSTRAINTS) -e .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/core.stamp
	$(BUILD) $(PIP) install --no-build-isolation -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@

# Style, and the floors of the house, as they stand in the installed package: without site (-S), the import hook of the
# editable install does not get in before it.
lint: installed
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	cd build/installed && PYTHONPATH=.:$(PACKAGES) $(abspath $(BIN))/python -S $(abspath $(BIN))/lint-imports --config $(CURDIR)/pyproject.toml

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# The package as it is installed, with its three subpackages in place. The folder is emptied first: a module that was
# deleted must not live on in the wheel.
installed: $(VENV)/dev.stamp
	rm -rf build/wheel build/installed
	$(BUILD) $(PIP) wheel --no-deps --no-build-isolation -w build/wheel .
	$(PIP) install --no-deps --target build/installed build/wheel/*.whl

# A wheel of this platform in dist/; it needs no compiler where it is installed.
wheel: $(VENV)/tools.stamp
	$(BUILD) $(PIP) wheel --no-deps --no-build-isolation -w dist .

# The core with the address and undefined-behaviour sanitizers of g++, in an environment beside the usual one, and the
# tests that call it directly. The interpreter itself is not built with them: their library is loaded first.
sanitize: $(VENV)/dev.stamp
	rm -rf build/sanitized
	$(PIP) install --no-deps --no-build-isolation --target build/sanitized -C cmake.define.FGAMCD_SANITIZE=ON -C build-dir=build/sanitize .
	cd build/sanitized && LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0 PYTHONPATH=$(CURDIR)/build/sanitized:$(PACKAGES) \
	  $(abspath $(BIN))/python -S -m pytest -q -p no:cacheprovider -c $(CURDIR)/pyproject.toml --rootdir $(CURDIR) $(SANITIZED:%=$(CURDIR)/%)

types: installed
	cd build/installed && $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache -p fgamcd_opt

# Needs no network. Broken links, pages outside the navigation and docstrings that contradict their code are errors.
site: installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict

# As many tests side by side as there are cores. PYTEST holds options: CI, which has a browser, gives --require-browser.
pytest: $(VENV)/dev.stamp
	$(BIN)/pytest -n auto --dist worksteal $(PYTEST)

# The test suite on other versions of the dependencies, each in an environment of its own: what pip finds today, and the
# lower bounds of pyproject.toml.
test-latest test-oldest: test-%:
	rm -rf .venv-$*
	mkdir .venv-$*
	$(PYTHON) .ci/pins.py $* > .venv-$*/constraints.txt
	$(MAKE) pytest VENV=.venv-$* CONSTRAINTS=.venv-$*/constraints.txt

# The property tests once with fresh examples, then adversarial instances with fresh seeds for MINUTES. FOLDER keeps what
# these find; a run with the same folder goes on where the last one was.
MINUTES ?= 30
FOLDER ?= out/fuzz
fuzz: $(VENV)/dev.stamp
	failed=0; \
	$(BIN)/pytest -q -m hypothesis --hypothesis-profile=fuzz $(PYTEST) || failed=1; \
	$(BIN)/python tests/soundness/fuzz.py --minutes $(MINUTES) --folder $(FOLDER) || failed=1; \
	exit $$failed

benchmark: $(VENV)/core.stamp
	$(BIN)/python benchmarks/beamforming.py

docs: $(VENV)/core.stamp
	$(BIN)/python docs/examples.py README.md $$(find docs -name '*.md' | sort)

map: $(VENV)/core.stamp
	$(BIN)/python docs/house_map.py

clean:
	rm -rf build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
