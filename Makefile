# Every target installs into .venv first, and again only when what to install has changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := ray slurm tensorboard wandb trackio inspect

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help compare test extras test-extras test-all lint format types imports figures identity wheel check clean

help:
	@echo 'make compare   compare methods on scenarios (options: ARGS="--help")'
	@echo 'make test      the fast tests (some of them: ARGS="tests/unit")'
	@echo 'make test-extras  the tests of engines, loggers and exports that need optional packages; installs them'
	@echo 'make test-all  every test, those and the slow ones too'
	@echo 'make lint      style and format;  make format  mends what it can'
	@echo 'make types     types'
	@echo 'make imports   that imports between the layers point downward only'
	@echo 'make figures   lines, circles of imports, modules on the main path; fails where benchmarks/ outgrows its share'
	@echo 'make identity  that results of every method are what they were (minutes)'
	@echo 'make wheel     build the wheel and check what is in it'
	@echo 'make check     all of the above but compare'
	@echo 'make clean     remove what was built and installed here'

$(STAMP): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo 'goldenrule needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ...' >&2; exit 1; }
	@echo 'Installing into $(VENV) (the first time takes a minute or two) ...'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --editable '.[test]' --constraint constraints.txt
	@touch $@

compare: $(STAMP)
	@$(BIN)/goldenrule compare $(ARGS)

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m 'not slow' $(ARGS)

# What needs packages beyond the pinned ones: engines, loggers, readers of what is exported. Those that cannot be had
# here are named, and their tests skip.
extras: $(STAMP)
	@for extra in $(EXTRAS); do \
		$(BIN)/python -m pip install -qq --editable ".[$$extra]" --constraint constraints.txt 2>/dev/null || \
		echo "the extra $$extra cannot be installed here; its tests skip"; \
	done

test-extras: extras
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 tests/integration/test_engines_beyond.py \
		tests/unit/benchmarks/engines tests/unit/benchmarks/report/test_export.py

test-all: extras
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/mypy examples

# Read through the links: the layers do not lie inside the package's own folder.
imports: $(STAMP)
	PYTHONPATH=typings $(BIN)/lint-imports --no-logo

figures: $(STAMP)
	$(BIN)/python dev/figures.py --check

# Rows and weights, on the kind of machine that dev/identity.json was written on.
identity: $(STAMP)
	$(BIN)/python dev/identity.py check dev/identity.json

wheel: $(STAMP)
	@rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation >build.log 2>&1 || { cat build.log; exit 1; }
	@rm -rf build build.log
	$(BIN)/python .ci/check_wheel.py dist/*.whl

check: test lint types imports figures wheel

clean:
	rm -rf $(VENV) build dist build.log *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
