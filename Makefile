# Every command makes what it needs: a virtual environment from constraints.txt, then the work.
PYTHON ?= python3
PORT ?= 8000

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

# One worker for each core; one that has nothing left takes tests from another, for they differ much in length.
CORES := --numprocesses auto --dist worksteal

.PHONY: help serve site zensical check methods test fast lint types gpu mutants presets lock clean

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf '  make %-9s %s\n' "$$name" "$$text"; done

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("AIGC Atlas needs Python 3.11 or newer; set PYTHON=python3.12, for example.") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/site.stamp: $(BIN)/python constraints.txt pyproject.toml
	$(INSTALL) '.[site]'
	@touch $@

$(VENV)/models.stamp: $(BIN)/python constraints.txt pyproject.toml
	$(INSTALL) '.[models]'
	@touch $@

$(VENV)/test.stamp: $(BIN)/python constraints.txt pyproject.toml
	$(INSTALL) '.[site,models,test]'
	@touch $(VENV)/site.stamp $(VENV)/models.stamp $@

serve: $(VENV)/site.stamp ## Build the site and serve it at 127.0.0.1:8000 (PORT=… for another port)
	$(BIN)/aigc serve --port $(PORT)

site: $(VENV)/site.stamp ## Build the site into build/site
	$(BIN)/aigc build

zensical: $(VENV)/site.stamp ## Build the site with the second engine
	$(BIN)/aigc build --engine zensical

check: $(VENV)/site.stamp ## Check the catalog
	$(BIN)/aigc check

methods: $(VENV)/models.stamp ## Install torch and what else the methods need; list the methods and what each preset promises
	$(BIN)/aigc methods

test: $(VENV)/test.stamp lint types ## Run all tests, the linter and the type checker
	$(BIN)/pytest $(CORES)

fast: $(VENV)/test.stamp ## Run the tests that need neither a browser nor a built site
	$(BIN)/pytest $(CORES) --ignore tests/site

lint: $(VENV)/test.stamp ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp ## Check types
	$(BIN)/mypy

gpu: $(VENV)/test.stamp ## Run the GPU tests
	$(BIN)/pytest -m gpu

mutants: $(VENV)/test.stamp ## Show that each proof fails when its piece of the mathematics is broken (METHOD=vae: only those)
	$(BIN)/python -m tests.reference_impl.mutation $(METHOD)

presets: $(VENV)/models.stamp ## Run every preset that promises a picture within 90 s; print what was promised and what was measured
	$(BIN)/python -m reference_impl presets $(METHOD)

lock: $(VENV)/test.stamp ## Write constraints.txt anew from what is installed
	$(BIN)/python -m pip freeze --exclude-editable | sed -E 's/\+cpu//' | LC_ALL=C sort --ignore-case > constraints.txt

clean: ## Remove what was built
	rm -rf build
