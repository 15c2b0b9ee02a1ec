# `make run` and `make test` prepare what they need and may be interrupted and repeated at any point: a stamp in .make/
# is written only after its work succeeded, and what an interrupted attempt left half made is thrown away.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHONS := python3.13 python3.12 python3.11 python3 python
PY := .venv/bin/python
FRONTEND := service/frontend
FRONTEND_SOURCES := $(FRONTEND)/build.mjs $(shell find $(FRONTEND)/src -type f 2>/dev/null)
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
ARGS ?=
SEMGREP := PATH=$(CURDIR)/.make/scanners/bin:$$PATH semgrep scan --metrics=off --disable-version-check

say = printf '\033[1m==> %s\033[0m\n' $(1)

.PHONY: help run test lint scan build e2e torture clean chromium again

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: .make/python .make/frontend ## serve http://127.0.0.1:8000 with practice accounts and practice cases; Ctrl-C ends it
	@exec $(PY) -m service.cli run --practice $(ARGS)

test: .make/python-dev .make/frontend chromium lint scan ## lint, scan, then every test, those in the browser included
	@$(call say,'tests')
	@$(PY) -m pytest -q -n auto --dist loadgroup --no-loadscope-reorder $(if $(filter 1,$(SKIP_BROWSER)),-m 'not browser') $(ARGS)

lint: .make/python-dev ## style, types and floors
	@$(call say,'style: ruff; types: mypy; floors: import-linter')
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(PY) .venv/bin/lint-imports --no-logo

scan: .make/scanners/ready ## what bandit and the house's own semgrep rules find wrong
	@$(call say,'weaknesses: bandit; semgrep with the rules in .ci/scanners')
	@.make/scanners/bin/bandit --quiet -ll --recursive service 2>.make/scanners/said # there: where a mark of ours was not needed
	@$(SEMGREP) --test --config .ci/scanners/rules.yml .ci/scanners/rules.py >.make/scanners/tried 2>&1 || { cat .make/scanners/tried; exit 1; }
	@$(SEMGREP) --error --quiet --config .ci/scanners/rules.yml service

build: .make/python .make/frontend ## everything that must be made before the service can start

e2e: .make/python-dev .make/frontend chromium ## only the tests in the browser
	@$(PY) -m pytest -q tests/e2e $(ARGS)

torture: .make/python-dev .make/frontend ## 10,000 completions under 1,000 faults on both databases, random walks; about 20 minutes
	@PYTHONPATH=tests $(PY) -W "ignore:XDG_RUNTIME_DIR" -m torture $(ARGS)

clean: ## throw away everything that was made; the data in var/ is kept
	rm -rf .venv .make $(FRONTEND)/node_modules service/static/build *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find service tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the above need -------------------------------------------------------------------------------------------

# `make PYTHON=/path/to/python3.11` names one; otherwise the first that is new enough is taken.
find_python = python=; for name in $(or $(PYTHON),$(PYTHONS)); do \
	if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo 'Python 3.11 or later is needed and was not found (looked for: $(or $(PYTHON),$(PYTHONS))).'; \
		echo 'Install it, or name it: make run PYTHON=/path/to/python3.11'; exit 1; fi

check_node = if ! command -v node >/dev/null || ! command -v npm >/dev/null; then \
		echo 'Node 20 or later with npm is needed (it prepares the scripts that draw diagrams) and was not found.'; exit 1; fi; \
	if ! node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)'; then \
		echo "Node 20 or later is needed; found $$(node --version)."; exit 1; fi

# An install that was cut short is thrown away whole: pip cannot tell half a package from a whole one.
.make/python: pyproject.toml constraints.txt $(if $(wildcard .make/python-begun),again) $(if $(wildcard $(PY)),,again)
	@mkdir -p .make
	@if [ -e .make/python-begun ] || ! $(PY) -m pip --version >/dev/null 2>&1; then rm -rf .venv; fi
	@touch .make/python-begun
	@[ -d .venv ] || { $(find_python); $(call say,'a Python environment in .venv'); "$$python" -m venv .venv; }
	@$(call say,'Python packages')
	@$(PY) -m pip install --disable-pip-version-check --constraint constraints.txt --editable .
	@rm .make/python-begun && touch $@

.make/python-dev: .make/python
	@touch .make/python-begun
	@$(call say,'Python packages for tests')
	@$(PY) -m pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@rm .make/python-begun && touch $@

# Pinned whole, and apart: semgrep brings sixty packages, some in other versions than the service's.
.make/scanners/ready: .ci/scanners/requirements.txt .make/python
	@rm -rf .make/scanners
	@$(call say,'scanners in .make/scanners')
	@$(PY) -m venv .make/scanners
	@.make/scanners/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

# npm ci empties node_modules first, so it mends a half-made one by itself.
.make/node: $(FRONTEND)/package.json $(FRONTEND)/package-lock.json $(if $(wildcard $(FRONTEND)/node_modules),,again)
	@$(check_node)
	@mkdir -p .make
	@$(call say,'browser packages')
	@cd $(FRONTEND) && npm ci --no-audit --no-fund
	@touch $@

.make/frontend: .make/node $(FRONTEND_SOURCES) $(if $(wildcard service/static/build),,again)
	@$(call say,'scripts and styles for the browser')
	@cd $(FRONTEND) && node build.mjs
	@touch $@

again:

chromium:
	@if [ "$(SKIP_BROWSER)" = 1 ]; then echo 'SKIP_BROWSER=1: the tests in the browser are left out.'; \
	elif [ -n "$(CHROMIUM)" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		$(call say,'Chromium for the tests in the browser'); \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	else \
		echo 'The tests in the browser need Chromium, which was not found. Install it (Debian: sudo apt-get install chromium),'; \
		echo 'or name it (make test CHROMIUM=/path/to/chrome), or leave these tests out: make test SKIP_BROWSER=1'; exit 1; fi
