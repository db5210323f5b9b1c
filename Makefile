# Two commands matter: `make demo` shows the archive at work, `make test` checks everything.
# Both set up .venv first. They need CPython 3.11 with venv, make, git and a package index, but not root.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

AIRFLOW_VERSION := 3.3.2
UPGRADE := --upgrade
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
# The name contains a checksum of the path: scripts in .venv hold absolute paths, so a moved or copied tree needs a new .venv.
READY := .venv/.ready-$(shell pwd -P | cksum | cut -d ' ' -f 1)
UV := $(BIN)/uv --quiet
COMPILE_FOR := $(UV) pip compile --generate-hashes --no-emit-index-url --no-annotate --no-header $(UPGRADE) --python-version
COMPILE := $(COMPILE_FOR) 3.11

# Settings of the caller's shell must not affect these commands. Without bytecode, each of the tests' many processes compiles Airflow anew.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE AIRFLOW_HOME

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: setup
setup: $(READY) ## Install requirements.lock into .venv (the other targets do it when needed)

# pip installs uv by hash, and uv installs the rest. If only pip can reach the index (own settings, a mirror), pip does it all.
$(READY): requirements.lock bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info[:2] == (3, 11) else f"CPython 3.11 is required, but this is {sys.version.split()[0]}. Pass another one: make PYTHON=/path/to/python3.11")'
	@echo "Setting up .venv from requirements.lock ..."
	@grep -qsF "$$(pwd -P)/.venv" $(BIN)/activate \
	  && $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bootstrap.lock
	@$(UV) pip sync --python $(BIN)/python --require-hashes requirements.lock \
	  || { echo "uv failed; trying pip ..."; $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: $(READY) ## Archive a simulated account with the real DAG and show the result
	@$(BIN)/python -m dev.demo

.PHONY: look
look: $(READY) ## Look at what the demo archived, in the browser (ARGS="--port 8080": options of browse)
	@$(BIN)/python -m dev.demo.look $(ARGS) || test $$? -eq 130

.PHONY: cli
cli: .venv-cli/.ready ## Install the command line alone, without Airflow, into .venv-cli

.venv-cli/.ready: cli.lock pyproject.toml dev/trim.py
	@$(PYTHON) -m venv --clear .venv-cli
	@.venv-cli/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r cli.lock
	@.venv-cli/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation .
	@$(PYTHON) dev/trim.py .venv-cli
	@.venv-cli/bin/stablecog-archive --version
	@touch $@

.PHONY: lint
lint: $(READY) ## Linters, formatting, spelling, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@git ls-files -z | xargs -0 $(BIN)/codespell
	@$(BIN)/mypy
	@$(BIN)/mypy tests docker/start.py
	@$(BIN)/lint-imports

.PHONY: fix
fix: $(READY) ## Fix what the linter can fix, and format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# More than four processes gain nothing: tests that share a set-up stay in one of them (tests/conftest.py).
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadgroup

.PHONY: test
test: $(if $(ARGS),,lint) $(READY) ## Lint and all tests but the longest (ARGS="-k walk": those tests alone, without lint)
	@$(BIN)/python -m pytest $(or $(ARGS),$(PARALLEL) -m "not long")

.PHONY: test-long
test-long: $(READY) ## The tests that take the longest; `make campaign` runs them too
	@$(BIN)/python -m pytest $(PARALLEL) -m long $(ARGS)

FAST := $(addprefix tests/,model archive adapters cli simulator project/test_tree.py project/test_locks.py)

.PHONY: test-fast
test-fast: $(READY) ## Tests without servers, Airflow and other processes, with fewer examples: under a minute
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest $(PARALLEL) -m "not slow and not long" $(FAST) $(ARGS)

.PHONY: reference
reference: $(READY) ## Write docs/reference.md from the docstrings, and the statements of docs/engines.md from the columns
	@$(BIN)/python -m dev.reference
	@$(BIN)/python -m dev.engines.ddl

.PHONY: coverage
coverage: $(READY) ## All tests, and the lines of the package that none of them runs
	@$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report term-missing $(ARGS)

# A slow target adds its own packages to .venv, from its own lock.
.venv/.with-%: dev/%/requirements.lock $(READY)
	@$(UV) pip install --python $(BIN)/python --require-hashes -r $< \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

.PHONY: campaign
campaign: .venv/.with-campaign ## Kills, races, faults, damage, hostile input, fuzzing, secrets, random sequences: about two hours (ARGS="--only races --scale 0.1")
	@test -n "$(ARGS)" || $(BIN)/python -m pytest $(PARALLEL) -m long
	@$(BIN)/python -m dev.campaign $(ARGS)

.PHONY: bench
bench: .venv/.with-bench .venv-aiobotocore/.ready .venv-img2dataset/.ready ## Benchmarks against other tools, latency, end to end, growth to a million rows: half an hour (ARGS="--quick": copying alone)
	@$(BIN)/python -m dev.bench.copy $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.latency
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.end_to_end
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.verify
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.page
	@test -n "$(ARGS)" || $(BIN)/python -m dev.bench.growth

.PHONY: browser
browser: .venv/.with-browser ## The page in Chromium: alone and inside a real Airflow, with screenshots (needs Debian's chromium or CHROMIUM=path): 5 minutes
	@$(BIN)/python -m dev.browser $(ARGS)

.PHONY: engines
engines: .venv-engines/.ready .venv-engines-iceberg/.ready ## Ten questions to the manifest, asked with DuckDB, Polars, pyarrow, pandas, DataFusion, Spark (needs Java 17) and chDB: 10 minutes
	@$(BIN)/python -m dev.engines $(ARGS)

.venv-engines/.ready: dev/engines/requirements.lock $(READY)
.venv-engines-iceberg/.ready: dev/engines/iceberg.lock $(READY)
.venv-engines/.ready .venv-engines-iceberg/.ready:
	@$(BIN)/python -m venv --clear $(@D)
	@$(UV) pip sync --python $(@D)/bin/python --require-hashes $< \
	  || $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# Tools whose dependencies conflict with Airflow's get their own environments. If one cannot be installed, its row says so.
.venv-%/.ready: dev/bench/%.lock $(READY)
	@{ $(BIN)/python -m venv --clear .venv-$* \
	  && { $(UV) pip sync --python .venv-$*/bin/python --require-hashes $< \
	    || .venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<; } && touch $@; } \
	  || { rm -rf .venv-$*; echo "$* cannot be installed here; continuing without it ..."; }

.PHONY: matrix
matrix: $(READY) ## The tests on each version of Airflow and CPython that is promised, and on the oldest dependencies: half an hour (ARGS="--only oldest")
	@$(BIN)/python -m dev.matrix $(ARGS)

.PHONY: containers
containers: $(READY) ## Build the container images and run the compose stack with Docker or podman (ARGS="--only-build")
	@$(BIN)/python -m dev.containers $(ARGS)

.PHONY: e2e
e2e: .venv/.with-e2e ## The backfill on Airflow with PostgreSQL, Redis and two Celery workers, one of them killed (ARGS="--outputs 2000")
	@$(BIN)/python -m dev.e2e $(ARGS)

# Airflow 3.1.0 imports a name that structlog 26 has removed.
.PHONY: lock
lock: $(READY) ## Update all locks to the newest versions (UPGRADE=: only what pyproject.toml asks for)
	@echo uv | $(COMPILE) - -o bootstrap.lock
	@$(COMPILE) pyproject.toml --extra dev -c <(echo apache-airflow==$(AIRFLOW_VERSION)) -o requirements.lock
	@echo hatchling | $(COMPILE) pyproject.toml --extra restore - -c requirements.lock -o docker/requirements.lock
	@echo hatchling | $(COMPILE) pyproject.toml --extra production - -c requirements.lock -o docker/requirements-airflow.lock
	@$(COMPILE) pyproject.toml --extra demo -c requirements.lock -o docker/requirements-demo.lock
	@$(COMPILE) --group cli -c requirements.lock -o cli.lock
	@$(COMPILE) pyproject.toml --extra demo --extra campaign -c requirements.lock -o dev/campaign/requirements.lock
	@$(COMPILE) pyproject.toml --extra demo --extra e2e -c requirements.lock -o dev/e2e/requirements.lock
	@$(COMPILE) pyproject.toml --extra demo --extra browser -c requirements.lock -o dev/browser/requirements.lock
	@$(COMPILE) --group engines -c requirements.lock -o dev/engines/requirements.lock
	@$(COMPILE) --group engines-iceberg -o dev/engines/iceberg.lock
	@$(COMPILE) pyproject.toml --extra bench -c requirements.lock -o dev/bench/requirements.lock
	@echo aiobotocore | $(COMPILE) - -o dev/bench/aiobotocore.lock
	@echo img2dataset | $(COMPILE) - -o dev/bench/img2dataset.lock
	@$(COMPILE) pyproject.toml --extra dev -c <($(BIN)/python -m dev.matrix.bounds; echo 'structlog<26') -o dev/matrix/locks/oldest.lock
	@$(COMPILE) pyproject.toml --extra dev -c <(echo 'apache-airflow<3.2') -o dev/matrix/locks/airflow-3.1.lock
	@$(COMPILE_FOR) 3.12 pyproject.toml --extra dev -c <(echo 'apache-airflow<3.3') -o dev/matrix/locks/airflow-3.2.lock
	@$(COMPILE_FOR) 3.13 pyproject.toml --extra dev -c <(echo apache-airflow==$(AIRFLOW_VERSION)) -o dev/matrix/locks/airflow-3.3.lock

.PHONY: clean
clean: ## Remove .venv and everything else that can be recreated
	@rm -rf .venv .venv-* .demo .e2e .browser .containers .engines s3-data dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
