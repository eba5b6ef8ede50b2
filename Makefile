# Everything that is run on this project, from a fresh machine on. `make help` lists it.
#
# The virtual environment .venv is made with the first Python >= 3.10 that is found (or with the
# one that PYTHON names). It is refreshed when pyproject.toml changes, and nothing else needs a
# network. ARGS reaches pytest: `make tests ARGS="tests/unit/language -k nesting"`.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
ifndef IN_PARALLEL
.NOTPARALLEL:
endif
unexport PYTHONDONTWRITEBYTECODE  # commands that tests start would compile everything again

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEVELOPMENT := $(VENV)/.development-installed
EXTRAS := $(VENV)/.extras-installed
WITH_EXTRAS := .[captum,numba,onnxruntime,openvino,parquet,ray,transformers]

PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python3.10)
# Modules are compiled when they are imported: most of what is installed never is.
PIP_INSTALL := $(BIN)/python -m pip --disable-pip-version-check -qq install --no-compile

SPEC ?= mask_rcnn_r50_fpn
UNTIL ?= mask_pooler
PHOTO ?= astronaut.jpg
# Processors: `auto` counts cores where psutil is installed, of which a virtual machine may have one.
WORKERS ?= logical
ARGS ?=
PYTEST = pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal
IN_GROUPS := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help demo test test-slow checks lint imports types docs tests
.PHONY: format coverage bench fuzz changelog hooks clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## Run Mask R-CNN until its mask pooler, then detect people in an image
	$(BIN)/composer run $(SPEC) --until $(UNTIL)
	$(BIN)/composer predict $(PHOTO) --image-size 360

test: checks tests ## Run all checks and the fast tests: some minutes

checks: $(DEVELOPMENT) ## Run lint, imports, types and docs, at the same time
	@$(MAKE) IN_PARALLEL=yes --jobs=2 $(IN_GROUPS) --no-print-directory lint imports types docs

lint: $(DEVELOPMENT) ## Check style and form of all files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python .ci/check_files.py

imports: $(DEVELOPMENT) ## Check which layer imports which
	$(BIN)/lint-imports --no-logo

types: $(DEVELOPMENT) ## Check types
	$(BIN)/mypy

docs: $(DEVELOPMENT) ## Build the documentation into docs/_build/html, warnings being errors
	$(BIN)/sphinx-build --fail-on-warning --nitpicky --keep-going --quiet docs docs/_build/html

tests: $(DEVELOPMENT) ## Run the fast tests
	$(BIN)/python -m $(PYTEST) -m 'not slow' $(ARGS)

test-slow: $(EXTRAS) ## Run the slow tests, those of extras, and the laws with many examples
	$(BIN)/python -m $(PYTEST) -m 'slow or hypothesis or extra' --hypothesis-profile many \
	  --durations 25 --durations-min 5 $(ARGS)

format: $(DEVELOPMENT) ## Rewrite the files in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(DEVELOPMENT) ## Run all tests and report which lines and branches they reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m $(PYTEST) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report --skip-covered

bench: $(DEVELOPMENT) ## Run every benchmark (they print ratios)
	$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(DEVELOPMENT) ## Read damaged specs, data files and checkpoints (ARGS="spec --count 100000")
	cd tests && ../$(BIN)/python -m fuzzing.fuzz $(ARGS)

changelog: $(DEVELOPMENT) ## Show what the fragments in changelog.d/ will add to the changelog
	$(BIN)/towncrier build --draft

hooks: $(DEVELOPMENT) ## Check every commit from now on, before it is made
	$(BIN)/pre-commit install

clean: ## Remove caches and what was built, but not .venv
	rm -rf build dist htmlcov docs/_build .coverage .coverage.* .pytest_cache .mypy_cache
	rm -rf .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@for candidate in $(CANDIDATES); do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then \
	        python=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	    echo 'Python 3.10 or newer is needed; tried: $(CANDIDATES).' >&2; \
	    echo 'Install one, or name yours: make PYTHON=/path/to/python3' >&2; \
	    exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	if ! "$$python" -m venv $(VENV); then \
	    rm -rf $(VENV); \
	    echo "$$python cannot make virtual environments (on Debian: install python3-venv)." >&2; \
	    exit 1; \
	fi

# A build backend in the environment itself lets later installs do without a network.
define install
@echo 'Installing the package and what it needs (PyTorch is large: some minutes, once)'
$(PIP_INSTALL) 'hatchling>=1.24' editables
$(PIP_INSTALL) --no-build-isolation --editable '$(1)'
endef

$(RUNTIME): pyproject.toml | $(BIN)/python
	$(call install,.)
	@touch $@

$(DEVELOPMENT): pyproject.toml | $(BIN)/python
	$(call install,.[dev])
	@touch $(RUNTIME) $@

# What only slow tests use. Where it cannot be installed they are skipped, and say so.
$(EXTRAS): $(DEVELOPMENT)
	$(call install,$(WITH_EXTRAS)) || echo 'their tests are skipped'
	@touch $@
