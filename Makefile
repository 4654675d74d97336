# make demo        from a bare machine to a dataset: installs into .venv, runs the DAG with the built-in model
# make test        the fast tests; make test-all: the slow ones too
# make check       ruff and mypy
# make lock        resolve requirements.lock anew (needs uv)
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(shell $(name) -c '$(SUITABLE)' 2>/dev/null && echo $(name))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-build-isolation
STRAY := find .venv -name '*.pth' ! -name 'distutils-precedence.pth' ! -name '__editable__.seedling-*.pth'

.PHONY: demo test test-all check lock
.DELETE_ON_ERROR:

demo: .venv/installed
	@$(BIN)/seedling demo

test: .venv/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m "not slow"

test-all: .venv/installed
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest

check: .venv/installed
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

# setuptools comes first, to build the few packages without a wheel; a stray .pth file would run at every start
.venv/installed: requirements.lock
	@$(or $(PYTHON),false) -c '$(SUITABLE)' || { echo "make: Python 3.11, 3.12 or 3.13 is needed and was not found; install one, or: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "installing into .venv (once; a few minutes)" >&2
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@awk '/^[^ #]/ { keep = /^setuptools==/ } keep' requirements.lock > .venv/build.lock
	@$(PIP) -r .venv/build.lock
	@$(PIP) --use-pep517 -r requirements.lock
	@test -z "$$($(STRAY))" || { echo "make: $$($(STRAY) | head -1): a .pth file runs at every start and is none of ours; remove the package it came with from requirements.lock" >&2; exit 2; }
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock:
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -o requirements.lock
