# Verbs of the project. PYTHON is the interpreter that makes the virtual environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup check test lab screenshots bench docs

$(BIN)/pytest: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

setup: $(BIN)/pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: setup
	$(BIN)/pytest

lab: setup
	$(BIN)/python scripts/api_types.py
	$(BIN)/python hatch_build.py

screenshots: setup
	PF_UI_DOCS=1 $(BIN)/pytest tests/ui

bench: setup
	$(BIN)/python benchmarks/run.py

docs: setup
	$(BIN)/pip install --quiet --editable ".[docs]"
	$(BIN)/sphinx-build --fail-on-warning --quiet docs docs/_build
	@echo "open docs/_build/index.html"
