# make run and make test need Python 3.11 or newer and make, nothing else.
.DEFAULT_GOAL := help
.PHONY: help setup run test fuzz quick docs lint format bench results screenshots clean

# The first of these that starts, is new enough and can make a virtual environment; `make PYTHON=/path/to/python` overrules.
PYTHONS := $(if $(PYTHON),$(PYTHON),python3.13 python3.12 python3.11 python3 python3.14 python)
CONFIG ?= configs/sew.py
WORKDIR ?= runs/sew

VENV := .venv
BENCH := .venv-bench
PIP := -m pip --disable-pip-version-check --no-input install --quiet

# $(1): the folder of the environment, $(2): the requirements file. An environment that works is kept and brought up to date.
define install
	@if ! $(1)/bin/python -c 'import pip' 2>/dev/null; then \
	  python=; old=; \
	  for candidate in $(PYTHONS); do \
	    "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then python=$$candidate; break; fi; \
	    old=$$candidate; \
	  done; \
	  if [ -z "$$python" ] && [ -n "$$old" ]; then \
	    echo "error: $$old cannot make virtual environments (no ensurepip); on Debian or Ubuntu: apt install python3-venv" >&2; exit 2; fi; \
	  if [ -z "$$python" ]; then \
	    echo "error: no Python 3.11 or newer among: $(PYTHONS); install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; fi; \
	  echo "making $(1) with $$("$$python" --version)"; \
	  "$$python" -m venv --clear $(1) || exit 2; \
	fi
	@echo "installing $(2) into $(1)"
	@$(1)/bin/python $(PIP) -r $(2)
	@touch $@
endef

$(VENV)/.requirements: requirements.txt
	$(call install,$(VENV),requirements.txt)

$(VENV)/.requirements-dev: requirements-dev.txt $(VENV)/.requirements
	$(call install,$(VENV),requirements-dev.txt)

$(BENCH)/.requirements-bench: requirements-bench.txt requirements-dev.txt requirements.txt
	$(call install,$(BENCH),requirements-bench.txt)

help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

setup: $(VENV)/.requirements ## make .venv and install the pinned requirements

run: setup ## train SEW on the synthetic corpus into runs/sew and print its table; again: continue or print it (CONFIG=, WORKDIR=, ARGS=)
	$(VENV)/bin/python -m launch.main --config=$(CONFIG) --workdir=$(WORKDIR) $(ARGS)

# A worker that dies ends the run: xdist 3.8 would start another one and then wait for ever for its answer (pytest-xdist issue 1323).
WORKERS := --numprocesses=auto --max-worker-restart=0

test: $(VENV)/.requirements-dev ## run the test suite (ARGS= go to pytest)
	$(VENV)/bin/python -m pytest $(WORKERS) --dist=loadfile --no-loadscope-reorder --durations=25 $(ARGS)

# Tests that draw damaged files of every kind: corpora, manifests, tables, arff, arrays, sound, run folders, exports.
FUZZ := tests/datasets/test_fuzz.py tests/datasets/test_fuzz_built.py tests/datasets/test_tables.py tests/datasets/test_arff_tables.py \
  tests/datasets/test_array_files.py tests/datasets/manifest/test_csv_fuzz.py tests/features/test_sound_fuzz.py \
  tests/experiment/test_fuzz_runs.py tests/inference/test_fuzz_exports.py \
  tests/datasets/arrays/test_pickle_reader.py tests/datasets/arrays/test_damage.py
N ?= 2000

fuzz: $(VENV)/.requirements-dev ## draw thousands of damaged files of every kind, other ones each time (N= of each kind, ARGS= go to pytest)
	AFFECT_JAX_FUZZ=$(N) $(VENV)/bin/python -m pytest $(WORKERS) --timeout=0 $(FUZZ) $(ARGS)

# Rooms whose tests compute little and start few programs. Of those, the tests marked slow are left out, too.
QUICK := tests/test_architecture.py tests/docs tests/losses tests/metrics tests/features tests/runtime tests/data \
  tests/launch/test_cli.py tests/launch/test_help.py

quick: lint ## what every edit should pass, in less than a minute: style, imports, documentation, the numerical core
	$(VENV)/bin/python -m pytest --quiet $(WORKERS) --dist=loadfile -m "not slow" --durations=5 $(QUICK) $(ARGS)

docs: $(VENV)/.requirements-dev ## build the browsable documentation with its API reference into build/site; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --quiet
	@echo "open build/site/index.html"

lint: $(VENV)/.requirements-dev ## check style and format
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

format: $(VENV)/.requirements-dev ## repair what the formatter and the linter can
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(BENCH)/.requirements-bench ## ours against PyTorch, start-up and growth into benchmarks/RESULTS.md: over an hour on an idle machine (ARGS= go to benchmarks.run)
	$(BENCH)/bin/python -m benchmarks.run $(ARGS)

results: $(VENV)/.requirements ## make the reports under results/ anew from their archived runs (ARGS=--check only says what differs)
	$(VENV)/bin/python -m benchmarks.reports $(ARGS)

screenshots: $(VENV)/.requirements-dev ## take terminal.png, report.png, own_report.png and listening.png of docs/images by Chromium (ARGS= go to tests.screenshots)
	$(VENV)/bin/python -m tests.screenshots $(ARGS)

clean: ## remove the environments and caches; runs/ stays
	rm -rf $(VENV) $(BENCH) .pytest_cache .ruff_cache build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
