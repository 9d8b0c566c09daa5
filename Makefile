# The two commands: `make run` starts the dashboard, `make test` runs every check.

PYTHON ?= python3
HOME_DIR ?= $(or $(ACTIVE_CNN_HOME),data)
PORT ?= 8501
ADDRESS ?= localhost
ALLOWED_HOSTS ?=
WORKERS ?= 2
BENCHMARKS ?= labelling networks cases wide scoring pool ingest dashboard many_answers

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
export PIP_ROOT_USER_ACTION := ignore

.PHONY: run test install check unit bench screenshots clean help

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/installed ## Start the dashboard on http://localhost:8501
	@$(BIN)/active-cnn demo --if-empty --home "$(HOME_DIR)"
	$(BIN)/active-cnn serve --home "$(HOME_DIR)" --address "$(ADDRESS)" --port "$(PORT)" \
		$(if $(SECRETS),--secrets "$(SECRETS)") \
		$(foreach name,$(ALLOWED_HOSTS),--allowed-host "$(name)")

test: $(VENV)/installed-dev ## Everything that CI runs
	@sh .ci/chromium
	$(MAKE) check unit

check: $(VENV)/installed-dev ## Format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/installed-dev ## All tests; one kind with TESTS=tests/unit
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(or $(TESTS),tests)

bench: $(VENV)/installed-dev ## Measure everything; needs a quiet machine, some hours and 15 GB
	for one in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$one || exit 1; done

screenshots: $(VENV)/installed-dev ## Take the pictures of the README anew
	SCREENSHOTS=docs/images $(BIN)/pytest tests/browser -k "whole_loop or everything_known"

install: $(VENV)/installed ## Make .venv without starting anything

$(VENV)/bin/python:
	@PYTHON="$(PYTHON)" sh .ci/venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python requirements.txt constraints.txt pyproject.toml
	@echo "Installing the dependencies into $(VENV) (some minutes the first time) ..."
	@$(INSTALL) -r requirements.txt -c constraints.txt
	@$(INSTALL) --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt requirements-cluster.txt
	@$(INSTALL) -r requirements-dev.txt -c constraints.txt
	@touch $@

clean: ## Remove .venv and caches; never the data
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
