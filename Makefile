# `make run` and `make test` are all that is needed. Both set up first.

.DEFAULT_GOAL := help
.SHELLFLAGS := -eu -c
.ONESHELL:
.SILENT:

BIN := .venv/bin
PY := $(BIN)/python
# Two workers share two cores; more threads in each would only get in each other's way.
PYTEST := POLARS_MAX_THREADS=1 $(PY) -m pytest -n 2 --dist loadgroup --no-loadscope-reorder
SAMPLE := --inbox deployments/sample/inbox --config deployments/portfolios.yaml --from 2025-06-02 --to 2025-06-06

GROUPS := dev bench docs mutation
# No telemetry of Prefect, no version check of pip.
export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Byte code is written where it is missing: without it, each start takes ten seconds instead of two.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## List the targets
	grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 16

.PHONY: setup
setup: ## Install what running needs into .venv from requirements.lock (hashed); quick when nothing changed
	PYTHON="$(PYTHON)" .ci/setup

.PHONY: setup-dev
setup-dev: ## Set up, and install what the tests need
	PYTHON="$(PYTHON)" .ci/setup dev

.PHONY: run
run: setup ## Rebalance the shipped sample, day by day, into .ballast/, each day as a Prefect flow run
	$(BIN)/ballast run --prefect $(SAMPLE)

.PHONY: up
up: setup ## Start server, worker and deployments, wait until all is well; PREFECT_SERVER_API_PORT for another port
	$(BIN)/ballast up

.PHONY: up-scale
up-scale: ## The same with the tables in a lake: PostgreSQL, a local S3 and two Dask workers beside, in .venv-scale
	VENV=.venv-scale PYTHON="$(PYTHON)" .ci/setup scale
	.venv-scale/bin/ballast up --scale

.PHONY: down
down: $(if $(wildcard .venv-scale/bin/ballast),,setup) ## Stop what runs: the worker first, what it works on last
	$(firstword $(wildcard $(BIN)/ballast .venv-scale/bin/ballast) $(BIN)/ballast) down

.PHONY: deploy
deploy: setup ## Deploy deployments/prefect.yaml and automations.yaml to the Prefect server; what is paused stays paused
	$(BIN)/ballast deploy

.PHONY: test
test: setup-dev ## Format, lint, types, import contracts, tests: what takes minutes is in test-all
	$(PY) -m mypy >.venv/types & types=$$!
	echo '== format' && $(PY) -m ruff format --check .
	echo '== lint' && $(PY) -m ruff check .
	echo '== spelling' && $(BIN)/codespell
	echo '== imports' && $(BIN)/lint-imports --no-cache
	echo '== types' && { wait $$types || { cat .venv/types; exit 1; }; } && cat .venv/types
	echo '== tests' && $(PYTEST) -m 'not slow'

.PHONY: test-all
test-all: test ## make test, then the slow tests: real servers, a browser, PostgreSQL, kills; and properties on more examples
	# The tests of an installation wait more than they work: they run beside the others.
	$(PY) -m pytest -q -p no:cacheprovider tests/e2e/test_worker.py >.venv/installation 2>&1 & installation=$$!
	BALLAST_ALL_EXAMPLES=1 $(PYTEST) -m 'slow or drawn' --ignore tests/e2e/test_worker.py --ignore tests/scale
	wait $$installation || { cat .venv/installation; exit 1; }
	tail -1 .venv/installation | sed 's/^/of the installation: /'
	$(MAKE) --no-print-directory test-scale

.PHONY: test-scale
test-scale: ## Tests of the extra scale, in .venv-scale: a lake in PostgreSQL and S3, kills, both stores compared
	VENV=.venv-scale PYTHON="$(PYTHON)" .ci/setup dev scale
	$(PYTEST:$(PY)=.venv-scale/bin/python) tests/scale

.PHONY: coverage
coverage: setup-dev ## Report the branch coverage of the tests that make test runs, module by module
	$(PYTEST) -m 'not slow' --cov --cov-report term

.PHONY: fuzz
fuzz: export BALLAST_ALL_EXAMPLES := 1
fuzz: setup-dev ## Compare the rules with slow references, feed broken files to the readers; PORTFOLIOS=100000 HISTORIES=2000 SHARDED=10003 FILES=10000
	BALLAST_FUZZ_PORTFOLIOS=$(or $(PORTFOLIOS),100000) $(PY) -m pytest -q --timeout 3600 \
	    tests/properties/test_sizing_agrees_with_reference.py
	BALLAST_FUZZ_DAYS=$(or $(DAYS),200) $(PY) -m pytest -q --timeout 3600 \
	    tests/properties/test_selection_guarantees.py
	BALLAST_FUZZ_HISTORIES=$(or $(HISTORIES),2000) $(PY) -m pytest -q --timeout 7200 \
	    tests/sizing/lifecycle/test_lifecycle_agrees_with_reference.py \
	    tests/sizing/lifecycle/test_lifecycle_guarantees.py
	BALLAST_FUZZ_SHARDED=$(or $(SHARDED),10003) $(PY) -m pytest -q --timeout 3600 \
	    tests/tasks/runs/shards/test_large_run.py -k same_rows -m slow
	BALLAST_FUZZ_FILES=$(or $(FILES),10000) $(PY) -m pytest -q --timeout 3600 \
	    --log-cli-level INFO tests/tasks/test_hostile_files.py

.PHONY: bench
bench: ## Measure the figures of the documents, as ratios in one run; POSITIONS=1e6 PORTFOLIOS=100 is quicker
	PYTHON="$(PYTHON)" .ci/setup dev bench
	$(PY) benchmarks/sizer.py --positions $(or $(POSITIONS),1e7)
	$(PY) benchmarks/trading.py --positions $(or $(POSITIONS),1e6)
	$(PY) benchmarks/selection.py --portfolios $(or $(PORTFOLIOS),1000)
	$(PY) benchmarks/risk.py --portfolios $(or $(PORTFOLIOS),1000)
	$(PY) benchmarks/backfill.py $(if $(DATA),--data $(DATA))
	$(PY) benchmarks/overhead.py
	$(PY) benchmarks/portfolios.py
	$(PY) benchmarks/history.py --portfolios $(or $(PORTFOLIOS),1000)

.PHONY: bench-million
bench-million: ## Measure a day of 10,000, 100,000 and 1,000,000 portfolios: an hour, 24 GB of memory; PORTFOLIOS="1000 10000" is quicker
	PYTHON="$(PYTHON)" .ci/setup dev bench
	$(PY) benchmarks/million.py $(if $(PORTFOLIOS),--portfolios $(PORTFOLIOS))

.PHONY: soak
soak: setup-dev ## Kill days of the real flow at every step and check that nothing is lost or torn; KILLS=300, SEED to repeat one
	$(PY) -m tests.soak.run_soak --kills $(or $(KILLS),300) $(if $(SEED),--seed $(SEED))

.PHONY: soak-scale
soak-scale: ## Kill coordinators, workers, connections and PostgreSQL around a lake, in .venv-scale; KILLS=100, SEED to repeat one
	VENV=.venv-scale PYTHON="$(PYTHON)" .ci/setup dev scale
	.venv-scale/bin/python -m tests.soak.run_soak_scale --kills $(or $(KILLS),100) $(if $(SEED),--seed $(SEED))

.PHONY: week
week: setup-dev ## Run a week of faults on a real server and worker, and report runs, alerts and tables
	$(PY) -m tests.soak.week

.PHONY: mutation
mutation: ## Mutate the sizer in a thousand small ways and list what no test notices; FILES="sizing/weights/water_fill.py" is quicker
	PYTHON="$(PYTHON)" .ci/setup dev mutation
	$(PY) -m tests.mutation.run_mutation $(FILES)

.PHONY: format
format: setup-dev ## Format the code and apply automatic fixes
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

.PHONY: lock
lock: setup ## Write requirements.lock from pyproject.toml, with every group; a version moves only when it must
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	    $(GROUPS:%=--group %) --output-file requirements.lock pyproject.toml
	# What the extra scale has beside these, and its DuckDB.
	sed '/^duckdb==/,/[^\\]$$/d' requirements.lock >.venv/both
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
	    --extra scale --group dev --group scale --constraint .venv/both --output-file .venv/scale pyproject.toml
	grep -vxFf .venv/both .venv/scale >requirements-scale.lock

.PHONY: schema
schema: setup-dev ## Write docs/schema.md from the database
	$(PY) docs/make_schema.py

.PHONY: reference
reference: schema ## Write all pages that are generated from the code: docs/schema.md, configuration.md, commands.md, charts of sizing.md
	$(PY) -m docs.make_configuration
	$(PY) -m docs.make_commands
	$(PY) -m docs.make_pictures

.PHONY: docs
docs: ## Build the site of the documents in site/, with every link and anchor verified; it opens without a network
	PYTHON="$(PYTHON)" .ci/setup dev docs
	$(PY) docs/make_site.py

.PHONY: sample
sample: setup-dev ## Generate the shipped sample; the same bytes unless the script changed
	$(PY) deployments/sample/make_sample.py

.PHONY: clean
clean: ## Remove what the commands made: the databases, caches and .venv
	rm -rf .ballast .mutation .prefect .venv .venv-scale site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
