# Two commands matter: `make demo` shows the archive at work, `make test` checks everything.
# Both set up .venv by themselves. Needed before: CPython 3.11 with venv, make, git, and a package index; no root.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

AIRFLOW_VERSION := 3.3.2
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
# Named for its place: scripts in .venv bear absolute paths, so a tree that was moved or copied needs another.
READY := .venv/.ready-$(shell pwd -P | cksum | cut -d ' ' -f 1)
UV := $(BIN)/uv --quiet
COMPILE := $(UV) pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade

# What stands in the caller's shell must not reach into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME AIRFLOW_HOME

.PHONY: help
help: ## Say what can be made
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: setup
setup: $(READY) ## Make .venv what the lock says (the commands below do it by themselves)

# uv is fetched by pip, by hash, and does the rest; where only pip reaches the index (its own settings, a mirror), pip does it.
$(READY): requirements.lock bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else f"CPython 3.11 is needed, and this is {sys.version.split()[0]}: name another with make PYTHON=/path/to/python3.11")'
	@echo "Setting up .venv from requirements.lock ..."
	@grep -qsF "$$(pwd -P)/.venv" $(BIN)/activate \
	  && $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bootstrap.lock
	@$(UV) pip sync --python $(BIN)/python --require-hashes requirements.lock \
	  || { echo "uv could not; trying with pip ..."; $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: $(READY) ## Archive a simulated account with the real DAG, and look at what came of it
	@$(BIN)/python -m dev.demo

.PHONY: test
test: $(READY) ## Linters, types, architecture and all tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy -p dev
	@$(BIN)/mypy docker/start.py
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest

# What only one of the slow targets needs is added to .venv, from a lock of its own.
.venv/.with-%: dev/%/requirements.lock $(READY)
	@$(UV) pip install --python $(BIN)/python --require-hashes -r $< \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.PHONY: campaign
campaign: .venv/.with-campaign ## Kills, races, faults, damage, hostile input, secrets: an hour, and a table (ARGS="--only races --scale 0.1")
	@$(BIN)/python -m dev.campaign $(ARGS)

.PHONY: bench
bench: .venv/.with-bench .venv-aiobotocore/.ready .venv-img2dataset/.ready ## Copying beside others', over a long way, end to end, and growth to a million rows: half an hour (ARGS="--quick": copying alone)
	@$(BIN)/python -m dev.bench.copy $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.latency
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.end_to_end
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.growth

# Peers whose dependencies do not go with Airflow's, an environment each. Where one cannot be had, its row says so.
.venv-%/.ready: dev/bench/%.lock $(READY)
	@{ $(BIN)/python -m venv --clear .venv-$* \
	  && { $(UV) pip sync --python .venv-$*/bin/python --require-hashes $< \
	    || .venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<; } && touch $@; } \
	  || { rm -rf .venv-$*; echo "$* cannot be installed here; going on without it ..."; }

.PHONY: e2e
e2e: .venv/.with-e2e ## The backfill on Airflow with PostgreSQL, Redis and two Celery workers, also killed (ARGS="--outputs 2000")
	@$(BIN)/python -m dev.e2e $(ARGS)

.PHONY: lock
lock: $(READY) ## Refresh the locks to the newest versions
	@echo uv | $(COMPILE) - -o bootstrap.lock
	@$(COMPILE) pyproject.toml --extra dev -c <(echo apache-airflow==$(AIRFLOW_VERSION)) -o requirements.lock
	@echo hatchling | $(COMPILE) pyproject.toml - -c requirements.lock -o docker/requirements.lock
	@$(COMPILE) pyproject.toml --extra demo -c requirements.lock -o docker/requirements-demo.lock
	@$(COMPILE) pyproject.toml --extra demo --extra campaign -c requirements.lock -o dev/campaign/requirements.lock
	@$(COMPILE) pyproject.toml --extra demo --extra e2e -c requirements.lock -o dev/e2e/requirements.lock
	@$(COMPILE) pyproject.toml --extra bench -c requirements.lock -o dev/bench/requirements.lock
	@echo aiobotocore | $(COMPILE) - -o dev/bench/aiobotocore.lock
	@echo img2dataset | $(COMPILE) - -o dev/bench/img2dataset.lock

.PHONY: clean
clean: ## Remove .venv and everything that can be made again
	@rm -rf .venv .venv-* .demo .e2e dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
