# Every target does its own set-up in .venv; `make demo` installs the base only, `make test` everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test check bench clean

demo: $(VENV)/base
	rm -rf demo-index
	$(BIN)/gindex build data/demo/genomes --taxonomy data/demo/taxonomy.tsv --index demo-index
	$(BIN)/gindex query data/demo/sample.fasta data/demo/novel.fasta data/demo/stranger.fasta --index demo-index

test: $(VENV)/everything $(VENV)/browser
	$(BIN)/python -m pytest -n auto

check: $(VENV)/everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p $(VENV)/types && ln -sfn $(CURDIR)/cli $(VENV)/types/gindex_cli
	MYPYPATH=$(VENV)/types $(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/everything: $(VENV)/base
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e '.[neural,serve,dev]'
	touch $@

# Pages are tested in a browser: Debian's, where it may be installed; else those tests say why they are skipped.
$(VENV)/browser: $(VENV)/bin/python
	command -v chromium || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) \
		|| echo "no chromium, and none could be installed: tests of pages are skipped"
	touch $@

clean:
	rm -rf $(VENV) demo-index build *.egg-info
