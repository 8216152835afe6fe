# Two commands do everything on a machine that has nothing but Python ≥ 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Errors alone: its warnings are about the machine's own configuration.
PIP_OPTIONS := --quiet --quiet --disable-pip-version-check --root-user-action=ignore

.PHONY: demo test lint bench bench-models clean
.DELETE_ON_ERROR:

demo: $(VENV)/.runtime
	$(BIN)/python -m examples.primes

# In parallel; `python -m pytest tests/test_url.py` runs one file, in one process.
test: lint
	$(BIN)/python -m pytest -n logical --dist loadgroup

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.structure

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

bench-models: $(VENV)/.models
	$(BIN)/python -m benchmarks models

# One stamp for each set of dependencies, so that the demo does not wait for the linters to be installed.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crawler needs Python 3.11 or newer; name one: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable .
	@touch $@

$(VENV)/.test: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable '.[test]'
	@touch $@

$(VENV)/.bench: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable '.[bench,models]'
	@touch $@

$(VENV)/.models: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_OPTIONS) --editable '.[models]'
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
