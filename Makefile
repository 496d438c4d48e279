# Two commands do it all: `make run` and `make test`. Everything they need goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?= data
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.dev-ready
FUZZ_S ?= 60
FUZZERS ?= $(filter-out harness,$(basename $(notdir $(wildcard fuzz/*.py))))
SOURCES := pyproject.toml hatch_build.py $(wildcard web/*.js web/*/*.js web/*.css web/package*.json src/cimaise/web/static/*.css)

.PHONY: bench-uploads bench-delivery bench-pages fuzz help setup run test check lint types imports security unit browser-modules lock reference clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(READY) ## .venv/bin/cimaise, and nothing else

run: $(READY) ## two albums of generated pictures, then the server on http://127.0.0.1:3023
	$(BIN)/cimaise demo --data-dir $(DATA)
	$(BIN)/cimaise serve --data-dir $(DATA)

test: $(DEV_READY) ## everything that CI checks
	@tests/services/install
	$(MAKE) --no-print-directory lint types imports $(if $(CI),security) browser-modules unit

lint: $(DEV_READY) ## style
	$(BIN)/ruff check src tests bench examples fuzz hatch_build.py
	$(BIN)/ruff format --check src tests bench examples fuzz hatch_build.py

types: $(DEV_READY) ## mypy --strict
	$(BIN)/mypy

imports: $(DEV_READY) ## the direction of imports
	$(BIN)/lint-imports

security: $(DEV_READY) ## bandit, a scan for secrets, known holes of what is locked
	$(BIN)/python tests/security/check

browser-modules: $(DEV_READY) ## tests of the browser's modules
	$(BIN)/python hatch_build.py test

unit: $(DEV_READY) ## the Python tests; the slow ones only where CI is set
	@$(if $(CI),,echo "left out: tests marked slow (CI=1 make test runs them too)")
	$(BIN)/python tests/run $(if $(CI),,-m "not slow")

fuzz: $(DEV_READY) ## parsers against inputs that change; a minute each, or FUZZ_S=seconds
	@for name in $(FUZZERS); do echo "fuzz.$$name" && $(BIN)/python -m fuzz.$$name -max_total_time=$(FUZZ_S) -verbosity=0 || exit 1; done

bench-uploads: $(DEV_READY) ## uploads beside tusd and nginx; minutes
	$(BIN)/python bench/uploads.py --wait 300

bench-delivery: $(DEV_READY) ## delivery beside nginx; minutes
	$(BIN)/python bench/delivery.py --wait 300

bench-pages: $(DEV_READY) ## a gallery of sixty in Lighthouse, as a phone sees it; minutes
	$(BIN)/python -m bench.pages --wait 300

reference: $(DEV_READY) ## write the generated pages of the manual again
	$(BIN)/python -m cimaise.cli.manual

lock: $(DEV_READY) ## pin newer versions
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --python-version 3.11 -q --upgrade -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --python-version 3.11 -q -c requirements-dev.lock -o requirements.lock

clean: ## remove what was made, but not the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache web/node_modules src/cimaise/web/static/dist

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(READY): $(VENV)/bin/python requirements.lock $(SOURCES)
	@echo "Installing the server into $(VENV) (the first time this takes a minute or two) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@echo "Building the pages' styles and scripts …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(DEV_READY): $(READY) requirements-dev.lock
	@echo "Installing what tests and checks need into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@
