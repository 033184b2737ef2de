# Every target does its own set-up in .venv; `make demo` installs the base only, `make test` everything.
PYTHON ?= python3
VENV := .venv
COVERAGE ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test test-long mutants check docs docs-reference wheel clean

demo: $(VENV)/base
	rm -rf demo-index
	$(BIN)/gindex build data/demo/genomes --taxonomy data/demo/taxonomy.tsv --index demo-index
	$(BIN)/gindex query data/demo/sample.fasta data/demo/novel.fasta data/demo/stranger.fasta --index demo-index

# What is done in minutes; `make test-long` runs the rest: browser and kill -9 sweeps, whole trainings.
# `make test COVERAGE=--cov` prints the lines that no test reaches, takes a third longer, and asks for 90 %.
test: $(VENV)/everything $(VENV)/browser
	$(BIN)/python -m pytest -n auto -m "not long" $(COVERAGE)

test-long: $(VENV)/everything $(VENV)/browser
	$(BIN)/python -m pytest -n auto -m long

# 5,950 mutants, some 100 a minute on two busy cores; killed by module, and survivors with `--survivors`.
mutants: $(VENV)/everything
	$(BIN)/python tests/bench/mutation.py

check: $(VENV)/everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p $(VENV)/types && ln -sfn $(CURDIR)/cli $(VENV)/types/gindex_cli
	MYPYPATH=$(VENV)/types $(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory docs

# The site, into site/. Nothing is downloaded; a dead link or an unknown name stops it.
docs: $(VENV)/everything
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# What follows from the code, written again: command line, JSON, architecture, the notebook's results, the demo's transcript.
docs-reference: $(VENV)/everything
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/notebook.py
	$(BIN)/python docs/transcript.py

wheel: $(VENV)/bin/python
	rm -rf build dist
	$(PIP) wheel --no-deps --wheel-dir dist .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/everything: $(VENV)/base
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e '.[neural,serve,docs,dev]'
	touch $@

# Pages are tested in a browser: Debian's, where it may be installed; else those tests say why they are skipped.
$(VENV)/browser: $(VENV)/bin/python
	command -v chromium || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) \
		|| echo "no chromium, and none could be installed: tests of pages are skipped"
	touch $@

clean:
	rm -rf $(VENV) demo-index build dist site *.egg-info
