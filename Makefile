# Every command of the project. `make help` lists them; a fresh machine needs python3 and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c "" 2>/dev/null && command -v $$name && break; done)
TOOLS := $(VENV)/.tools
READY := $(VENV)/.ready
# More processes are faster where there are cores and about 2 GB of memory for each.
TEST_PROCESSES ?= 2
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-annotate

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) ## Start everything, ingest a catalog, show it (CATALOG=feed or folder, PORT=, ONCE=1)
	@exec $(BIN)/lookalike demo $(if $(CATALOG),--catalog '$(CATALOG)') \
		$(if $(PORT),--port $(PORT)) $(if $(ONCE),--once)

.PHONY: up
up: $(READY) ## Start everything and serve what is there (PORT=)
	@exec $(BIN)/lookalike up $(if $(PORT),--port $(PORT))

.PHONY: setup
setup: $(READY) ## Prepare .venv with everything in it

.PHONY: test
test: $(READY) ## Run the tests against real servers, all but the slow ones (ARGS= goes to pytest)
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile $(ARGS)

.PHONY: test-slow
test-slow: $(READY) ## Run the tests that take minutes (ARGS= goes to pytest)
	$(BIN)/pytest -m slow $(ARGS)

.PHONY: setup-browser
setup-browser: $(READY) ## Find a Chromium for the browser tests, or install one
	$(BIN)/python -m tests.browser.chromium

.PHONY: test-browser
test-browser: setup-browser ## Use the running product in a browser, page by page (ARGS= goes to pytest)
	$(BIN)/pytest -m browser tests/browser $(ARGS)

.PHONY: screenshots
screenshots: setup-browser ## Take the pictures of all pages in docs/images from a real run
	$(BIN)/python -m tests.browser.screenshots

.PHONY: check
check: $(READY) ## Check format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(TOOLS) ## Lock all dependencies anew, with hashes
	$(COMPILE) --upgrade requirements/tools.in -o requirements/tools.txt
	$(COMPILE) --upgrade --all-extras pyproject.toml -o requirements/all.txt
	$(COMPILE) --constraint requirements/all.txt pyproject.toml -o requirements/web.txt
	$(COMPILE) --constraint requirements/all.txt --extra models pyproject.toml \
		-o requirements/worker.txt

.PHONY: clean
clean: ## Remove .venv and the caches; the data in .lookalike stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(TOOLS): requirements/tools.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "No python3 found. Install Python 3.11, 3.12 or 3.13." >&2; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "$(PYTHON) is $$("$(PYTHON)" -V 2>&1), but Lookalike needs 3.11, 3.12 or 3.13." \
			"Name another one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' || { \
		echo "$(PYTHON) can't make virtual environments." \
			"On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/tools.txt
	@touch $@

# detectron2 comes after torch and without its build step, see the file.
$(READY): $(TOOLS) requirements/all.txt requirements/detectron2.txt pyproject.toml
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes --compile-bytecode \
		-r requirements/all.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --no-build-isolation \
		--use-pep517 -r requirements/detectron2.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
