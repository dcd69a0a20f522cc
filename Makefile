# The commands of Pulmo. `make run` and `make test` need nothing done before them.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install run watch test bench load resilience check format proto dashboards notebook lock clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

run: install ## Start the model server, the gateway and the console; train a first model if there is none
	@$(BIN)/python -m deploy.local

watch: install ## Start Prometheus, Alertmanager, the node exporter and Grafana, those that are installed, beside `make run`
	@$(BIN)/python -m deploy.watch

test: install ## Run all tests
	$(BIN)/python -m pytest

resilience: install ## Kill, pause and fill what the service is made of, under load: a quarter of an hour
	$(BIN)/python -m pytest tests/resilience --resilience

bench: install ## Measure the service beside what the machine could do; BENCH="--parts all" measures more
	$(BIN)/python -m loadtests.bench $(BENCH)

load: install ## Load the running system: SCENARIO=spike; QUICK=10 takes so many seconds; HOST=, IMAGES=, LOAD="--processes 2"
	$(BIN)/python -m loadtests.load run $(or $(SCENARIO),baseline) $(if $(HOST),--host $(HOST)) $(if $(QUICK),--quick $(QUICK)) $(if $(IMAGES),--images "$(IMAGES)") $(LOAD)

check: install ## Lint, check types and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: .venv/.installed ## Create .venv from the locks in requirements/

.venv/.installed: requirements/dev.txt requirements/pillow.txt requirements/pillow-simd.txt
	@echo "[1/3] Creating .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with make PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is needed; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "[2/3] Installing the locked packages (about 0.9 GB to download the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@echo "[3/3] Building Pillow-SIMD, the resizer"
	@PYTHON=$(BIN)/python sh requirements/install-pil.sh
	@touch $@

format: install ## Format the code, and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proto: install ## Generate the protocol's Python modules
	$(BIN)/python -m proto.generate

dashboards: install ## Generate the Grafana dashboards
	$(BIN)/python -m monitoring.generate

notebook: install ## Run the analysis notebook and keep its outputs; PULMO_NOTEBOOK_DATA=folder shows that data set
	$(BIN)/python -m trainer.notebook.generate

lock: install ## Resolve requirements/*.txt anew from pyproject.toml
	BIN=$(BIN) sh requirements/lock.sh

clean: ## Remove the environment and the caches; var/ (models and history) stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
