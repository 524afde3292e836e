# Everything a newcomer, a developer and CI need. Only Python 3.11+ and make must be there:
# Kafka and its Java runtime come as packages, like everything else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Chosen by the machine, not by us: plenty of JVMs and servers run in the tests.
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test lint types imports check pytest chaos bench docs lock wheel clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The hub needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=python3.12 …"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Start the hub, send it signed events, show each arriving (ARGS=--once: check and exit)
	@$(BIN)/hub demo $(ARGS)

test: lint types imports pytest ## Lint, types, import contracts and all tests

lint: $(READY) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## mypy, strict, tests included
	$(BIN)/mypy

imports: $(READY) ## Who may import whom
	$(BIN)/lint-imports

pytest: $(READY) ## The tests alone (ARGS="-k name" for some)
	$(PYTEST) $(ARGS)

chaos: $(READY) ## The long fault tests, and a hub under 100 faults (ARGS="--events 20000 --seed 8")
	HUB_CHAOS_EVENTS=6000 $(PYTEST) tests/chaos --timeout 1800
	$(BIN)/python -m tests.chaos.object_store_deaths
	$(BIN)/python -m tests.chaos.node_deaths
	$(BIN)/python -m tests.chaos.run $(ARGS)

bench: $(READY) ## Measure, as ratios within one run
	$(BIN)/python tests/bench $(ARGS)

docs: $(READY) ## Write the generated parts of the README and the JSON Schemas anew
	$(BIN)/python tests/docs/generate.py

lock: ## Resolve pyproject.toml into requirements.lock anew, and into that of the image
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)-lock/bin/uv pip compile --quiet --python-version 3.11 --universal --extra dev --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	$(VENV)-lock/bin/uv pip compile --quiet --python-version 3.11 --universal --extra aws --extra parquet --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o charts/image/requirements.lock \
	  --constraint requirements.lock
	rm -rf $(VENV)-lock

wheel: $(READY) ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

clean: ## Remove the virtual environment, caches and builds (data in .hub stays)
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
