# Everything happens in .venv, which is made when it is first needed.
#
#   make demo                    replay the bundled recordings (DEMO="--seed 2": its options)
#   make test                    the tests, on all cores; it says what it leaves out
#   make test ARGS="-k budget"   the tests that the filter picks
#   make test-all                every test, then the kernels once more without JIT
#   make lint                    ruff and mypy
#   make bench                   every command in benchmarks/ (HAPT=DIR, IMAGES=DIR: files that are not bundled)
#   make docs                    the documentation site, site/html/index.html; a broken link fails
#   make fuzz                    the core and the readers under coverage-guided fuzzers (ARGS="--seconds 600")
#   make train                   train the shipped model image anew (needs torch)
#   make wheel                   dist/odl_stream-*.whl
#   make sbom                    dist/sbom.json: what an installation of the wheel consists of (CycloneDX)
#   make clean                   remove whatever these made, .venv included
#
# PYTHON=python3.12 picks another interpreter, 3.11 or later.

PYTHON ?= python3
ARGS ?=
DEMO ?=

VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile
# In a terminal pip shows its own progress, with rate and time left.
PIP := $(BIN)/python -m pip --disable-pip-version-check $(shell test -t 2 || echo -qq)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-all test-plain lint fuzz bench docs train wheel sbom clean

help:
	@awk '!/^#/ { exit } { sub(/^# ?/, ""); print }' Makefile

# --- the environment: brought up to date when setup.cfg changes, otherwise left alone ---

$(VENV)/.installed: setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "odl needs Python 3.11 or later, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | head -n 1):" \
	       "name another one, as in 'make demo PYTHON=python3.12'." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make a virtual environment (no ensurepip):" \
	       "on Debian and Ubuntu, 'apt install python3-venv' adds it." >&2; exit 1; }
	@if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  echo "Making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear $(VENV); fi
	@echo "Installing odl and what it needs into $(VENV) (a minute or two the first time)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.extra-%: $(VENV)/.installed
	@echo "Installing the extra '$*' into $(VENV)"
	@$(PIP) install --editable '.[$*]'
	@touch $@

# --- what a user runs ---

demo: $(VENV)/.installed
	@$(BIN)/odl demo $(DEMO)

# --- what a contributor runs ---

# Hypothesis tries fewer examples than in test-all; slow tests and the browser are left to that.
test: $(VENV)/.extra-test
	ODL_EXAMPLES=$${ODL_EXAMPLES:-25} $(PYTEST) -m "not slow and not browser" $(ARGS)

# A filter that picks no slow test, or no kernel test, is fine (pytest's status 5).
NONE_IS_FINE = $(if $(strip $(ARGS)),|| test $$? -eq 5)

test-all: $(VENV)/.extra-test
	@ODL_EXAMPLES=$${ODL_EXAMPLES:-50} $(MAKE) --no-print-directory test
	$(PYTEST) -m "slow or browser" $(ARGS) $(NONE_IS_FINE)
	@$(MAKE) --no-print-directory test-plain

# The kernels once more as plain Python: jitted and not must give the same integers.
test-plain: $(VENV)/.extra-test
	NUMBA_DISABLE_JIT=1 ODL_EXAMPLES=$${ODL_EXAMPLES:-30} \
	  $(PYTEST) tests/core/kernels $(ARGS) $(NONE_IS_FINE)

lint: $(VENV)/.extra-lint $(VENV)/.extra-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict odl firmware_sim tests/helpers tests/fuzz benchmarks

fuzz: $(VENV)/.extra-test $(VENV)/.extra-fuzz
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: $(VENV)/.extra-test $(VENV)/.extra-peers
	@ls benchmarks/[a-z]*.py >/dev/null 2>&1 || { echo 'No benchmarks in benchmarks/.' >&2; exit 1; }
	$(BIN)/python -m benchmarks.speed
	@test -n '$(IMAGES)' || echo "left out: benchmarks/images (make bench IMAGES=the folder of the image sets)"
	@test -z '$(IMAGES)' || $(BIN)/python -m benchmarks.images --data '$(IMAGES)'
	@set -e; for file in benchmarks/[a-z]*.py; do case $$file in \
	  */measured.py|*/held_out.py) continue ;; \
	  */soak.py) echo "left out: $$file (an hour: $(BIN)/python -m benchmarks.soak)"; continue ;; \
	  */hapt.py|*/fewshot.py|*/twin.py) test -n '$(HAPT)' || { echo "left out: $$file (make bench HAPT=the folder of UCI's HAPT)"; continue; }; \
	    data="--data $(HAPT)" ;; *) data= ;; esac; \
	  module=$$(echo "$${file%.py}" | tr / .); echo "$(BIN)/python -m $$module $$data"; \
	  $(BIN)/python -m "$$module" $$data; done

docs: $(VENV)/.extra-docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -d site/.doctrees -c docs . site/html
	@echo 'open site/html/index.html'

train: $(VENV)/.extra-train
	$(BIN)/odl train shoulder --without 'trapezius extension,upright row' --out datasets/shoulder/shoulder.odlm

wheel: $(VENV)/.installed
	@rm -rf build dist/*.whl
	@echo 'Building dist/'
	@$(PIP) wheel --no-deps --wheel-dir dist .
	@rm -rf build
	@ls dist/*.whl

sbom: wheel $(VENV)/.extra-sbom
	@rm -rf build/sbom && $(PYTHON) -m venv build/sbom
	@build/sbom/bin/python -m pip --disable-pip-version-check -qq install dist/*.whl
	@$(BIN)/cyclonedx-py environment build/sbom/bin/python --output-file dist/sbom.json
	@rm -rf build && ls dist/sbom.json

clean:
	rm -rf $(VENV) build dist out odl-demo site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -rf *.egg-info
