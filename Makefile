# make demo        from a bare machine to a dataset: installs into .venv, runs the DAG with the built-in model
# make test        the fast tests; make test-all: the slow ones too
# make check       ruff and mypy
# make lock        update the three locks: requirements.lock (to run), -dev.lock (to test), -uv.lock (to install)
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(shell $(name) -c '$(SUITABLE)' 2>/dev/null && echo $(name))))
BIN := .venv/bin
INSTALL := $(BIN)/python install.py
LOCKED := $(INSTALL) --require-hashes -r
PTH := find .venv -name '*.pth' ! -name 'distutils-precedence.pth' ! -name '__editable__.seedling-*.pth'
STRAY = test -z "$$($(PTH))" || { echo "make: $$($(PTH) | head -1): Python runs this .pth file at every start, and it is not ours; remove the package it came with from the lock" >&2; exit 2; }

# .venv comes without bytecode; with this variable set, every process would compile its imports again
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all check lock
.DELETE_ON_ERROR:

demo: .venv/installed
	@$(BIN)/seedling demo

test: .venv/installed-dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m "not slow"

test-all: .venv/installed-dev
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest

check: .venv/installed-dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

# setuptools comes first, to build the few packages without a wheel; a stray .pth file would run at every start
.venv/installed: requirements.lock
	@$(or $(PYTHON),false) -c '$(SUITABLE)' || { echo "make: Python 3.11, 3.12 or 3.13 is needed and was not found; install one, or: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "installing into .venv (once; about a minute)" >&2
	@rm -rf .venv && $(PYTHON) -m venv .venv
	@awk '/^[^ #]/ { keep = /^setuptools==/ } keep' requirements.lock > .venv/build.lock
	@$(LOCKED) .venv/build.lock
	@$(LOCKED) requirements.lock
	@$(STRAY)
	@$(INSTALL) --no-deps -e .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "installing what tests and checks need into .venv (once)" >&2
	@$(LOCKED) requirements-dev.lock
	@$(STRAY)
	@touch $@

RESOLVE := PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:
	@$(RESOLVE) --group build pyproject.toml -o requirements.lock
	@$(RESOLVE) --group dev -c requirements.lock -o requirements-dev.lock
	@$(RESOLVE) --group installer -o requirements-uv.lock
