# What a person does with this project; `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-demo setup-test demo up test lint format bench clean

# byte code is kept even where the environment forbids it: each of the many processes of a test starts a tenth sooner
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
READY := $(VENV)/.ready
MODEL := $(VENV)/.model

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | column -t -s '|'

setup: $(MODEL) ## put the environment into .venv, and make the shipped classifier

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than 3.11 — install a newer one, or run make PYTHON=python3.x"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(READY): requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# what the shipped model is made of; the command trains only if the model of just these files is not there yet
$(MODEL): $(READY) $(wildcard classifier/*.py classifier/text/*.py classifier/text/*.yaml classifier/learning/*.py classifier/corpus/*/*.txt)
	$(BIN)/hotline classifier train
	@touch $@

# $(call need,COMMANDS,PACKAGES): install Debian packages when one of the commands is missing
define need
	@missing=; for command in $(1); do command -v $$command > /dev/null || missing="$$missing $$command"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then \
		echo "error: missing:$$missing — install the packages $(2) as root (Debian: apt-get install $(2))"; exit 1; \
	fi; \
	echo "installing $(2)"; \
	export DEBIAN_FRONTEND=noninteractive; \
	apt-get -qq update && apt-get -qq install -y --no-install-recommends $(2) > /dev/null
endef

setup-demo: setup ## what `make demo` and `make up` need besides: a voice
	$(call need,espeak-ng,espeak-ng)

setup-test: setup-demo ## what `make test` needs besides: softphones, load generator, PostgreSQL
	$(call need,baresip,baresip-core)
	$(call need,sipp,sip-tester)
	$(call need,sox,sox)
	$(call need,/usr/lib/postgresql/*/bin/initdb,postgresql)

demo: setup-demo ## play calls between robot phones on this machine, and prove what each ear heard
	$(BIN)/python -m robots.demo $(ARGS)

up: setup-demo ## run the whole stack until Ctrl-C
	$(BIN)/hotline up $(ARGS)

lint: setup ## look for slips: format, lint, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: setup-test lint ## lint, then all tests, two files at a time (most of their time is real audio)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

bench: setup-demo ## measure the promises, on 127.0.0.1 only
	$(BIN)/python -m bench $(ARGS)

clean: ## remove what was made, but for data/
	rm -rf $(VENV) classifier/cache build dist .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
