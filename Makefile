# `make help` lists what there is.

PYTHON ?= python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check

# Settings of `make run`, `make routes` and `make plugins`. `make run PORT=80` sets SHIPYARD_PORT in the environment of the
# service: arguments of a process can be read by every user of the machine, its environment cannot.
SETTINGS = HOST PORT CONFIG STORE WORKERS
$(foreach name,$(SETTINGS),$(if $(value $(name)),$(eval run routes plugins: export SHIPYARD_$(name) = $$(value $(name)))))

# The arguments of make itself cannot be hidden.
WARN_OF_PASSWORD = case "$$SHIPYARD_STORE" in *://*:*@* | *password=*) echo \
	'Warning: the process list shows this password; set SHIPYARD_STORE or SHIPYARD_STORE_FILE in the environment instead.';; esac >&2

# $(call step,what is done,command): prints one line; the command's output goes to a log, whose end is shown on failure.
INSTALL_LOG = .venv/install.log
define step
@mkdir -p .venv && echo '$(1) ...'
@$(2) >>$(INSTALL_LOG) 2>&1 || { tail -n 20 $(INSTALL_LOG); echo 'Failed: $(1). The whole output: $(INSTALL_LOG)'; exit 1; } >&2
endef

.DEFAULT_GOAL := help
.PHONY: help run routes plugins test test-lowest test-browser test-clients test-docs test-faults lint format coverage bench bench-small lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' Makefile

run: .venv/run.stamp ## serve http://localhost:5000; takes HOST= PORT= CONFIG= STORE= WORKERS=
	@$(if $(findstring command line,$(origin STORE)$(origin SHIPYARD_STORE)),$(WARN_OF_PASSWORD))
	@exec $(BIN)/python -m service run

routes: .venv/run.stamp ## list the routes, and who may use each
	@$(BIN)/python -m service routes

plugins: .venv/run.stamp ## list the plugins, and where each comes from
	@$(BIN)/python -m service plugins

# Else each of the many processes that the tests start compiles everything anew.
test test-lowest: export PYTHONDONTWRITEBYTECODE =
test: .venv/dev.stamp ## run every test, a real PostgreSQL included
	$(BIN)/python -m pytest -n 2

test-lowest: .venv-lowest/stamp ## run the tests with the lowest versions that pyproject.toml allows, on Python 3.11
	.venv-lowest/bin/python -m pytest -n 2 --deselect '$(INSTALLS_THE_LOCK)'
# This page's commands install what is locked, which pip finds installed already in .venv only.
INSTALLS_THE_LOCK = tests/docs/test_commands.py::test_the_commands_of_a_page_do_what_it_shows[docs/deployment.md]

test-browser: .venv/dev.stamp ## try the docs page in a real browser (chromium and chromium-driver)
	$(BIN)/python -m pytest tests/browser

test-clients: .venv/dev.stamp ## try react-admin's and refine's data providers (node and npm)
	$(BIN)/python -m pytest tests/clients

test-docs: .venv/dev.stamp ## run every command of README.md and docs/ (curl)
	$(BIN)/python -m pytest -n 2 tests/doc_commands

test-faults: .venv/dev.stamp ## kill, fill up and cut off the stores, at length
	$(BIN)/python -m tests.faults

lint: .venv/dev.stamp ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev.stamp ## let ruff lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: .venv/dev.stamp ## run the tests and show which branches none of them takes
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term-missing

bench: .venv/dev.stamp ## measure Shipyard beside its peers and draw the result (20 minutes)
	$(BIN)/python -m bench

bench-small: .venv/dev.stamp ## the same in a minute, into .cache/bench
	$(BIN)/python -m bench --small

lock: .venv/dev.stamp ## choose the newest versions that pyproject.toml allows, with their hashes
	$(COMPILE) --extra build pyproject.toml -o requirements/run.txt
	$(COMPILE) --extra build --extra dev pyproject.toml -c requirements/run.txt -o requirements/dev.txt
	cd bench && $(COMPILE) requirements.in -o requirements.txt && $(COMPILE) compiler.in -o compiler.txt
	npm --prefix tests/clients run lock
	npm --prefix examples/admin run lock
# An extra that is not locked is resolved anew by pip, which then finds no hash for a newer version.
COMPILE = $(CURDIR)/$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --quiet

clean: ## remove what was installed and built
	rm -rf .venv .venv-bench .venv-lowest .cache .mypy_cache .pytest_cache .ruff_cache .coverage tests/clients/node_modules examples/admin/node_modules examples/admin/dist

.venv/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Shipyard needs Python 3.11 or newer: make PYTHON=python3.12 ...'; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) cannot create virtual environments (on Debian and Ubuntu: apt install python3-venv)'; exit 1; } >&2
	$(call step,Creating the virtual environment .venv,$(PYTHON) -m venv .venv)
	@touch $@

# Installed anew whenever pyproject.toml changed: the plugins' entry points are read from what is installed.
.venv/run.stamp: .venv/python.stamp requirements/run.txt pyproject.toml
	$(call step,Installing the locked dependencies,$(PIP) install --require-hashes -r requirements/run.txt)
	$(call step,Installing Shipyard,$(PIP) install --no-deps --no-build-isolation --editable .)
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements/dev.txt
	$(call step,Installing the locked development dependencies,$(PIP) install --require-hashes -r requirements/dev.txt)
	@touch $@

# Built without isolation, so that the lowest hatchling builds Shipyard too.
.venv-lowest/stamp: .venv/dev.stamp pyproject.toml
	$(call step,Creating the virtual environment .venv-lowest,$(BIN)/uv venv --clear --seed --python 3.11 .venv-lowest)
	$(call step,Installing the lowest versions that pyproject.toml allows,$(LOWEST) --resolution lowest-direct --extra build --extra dev -r pyproject.toml)
	$(call step,Installing Shipyard,$(LOWEST) --no-deps --no-build-isolation --editable .)
	@touch $@
LOWEST = $(BIN)/uv pip install --python .venv-lowest
