"""Help: every option is explained, in lines of 80 characters; choices, examples, completion, --version."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from typing import get_args

import pytest
import typer
from gindex_cli import SECTIONS, app, choices
from gindex_cli.commands.lab import choices as lab_choices
from gindex_cli.examples import EXAMPLES
from helpers.command_line import GINDEX
from helpers.fasta import ROOT

from genome_index import spec
from genome_index.collection.clusters import METHODS
from genome_index.collection.map import MAPS
from genome_index.collection.text_search import ENGINES
from genome_index.encoders.embedding.vector_files import WRITERS
from genome_index.evaluate.comparison import tables as comparison_tables
from genome_index.io.inputs import IdFrom
from genome_index.io.ncbi.fetch import Format
from genome_index.io.reader import GenomePer
from genome_index.report import calls, export, found
from genome_index.report.explanation import document
from genome_index.report.figures.style import THEMES
from genome_index.report.sql import FORMATS


def commands(group, words=()):
    """Every command and group with the words that name it: (words, command)."""
    yield words, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*words, name))


ALL = dict(commands(typer.main.get_command(app)))
GROUPS = [words for words, command in ALL.items() if hasattr(command, "commands")]


@pytest.fixture
def narrow(monkeypatch):
    """A terminal of 80 columns that knows no colours."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_explains_every_option_in_80_columns(gindex, narrow, words):
    result = gindex(*words, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert not re.search(r"\w\.\.\.(\s|$)", re.sub(r"[A-Z]\.\.\.|ARGS\]\.\.\.", "", result.stdout))
    assert "\x1b" not in result.stdout
    for parameter in ALL[words].params:
        assert parameter.help, parameter.name
        assert (
            parameter.metavar if parameter.param_type_name == "argument" else parameter.opts[0]
        ) in result.stdout


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_a_group_lists_each_command_with_its_whole_summary_on_a_line(gindex, narrow, words):
    lines = [" ".join(line.split()) for line in gindex(*words, "--help").stdout.splitlines()]
    for name, command in ALL[words].commands.items():
        summary = command.help.split("\n\n")[0].replace("\n", " ").split(". ")[0]
        assert f"{name} {summary}" in lines


def test_help_has_five_sections(gindex, narrow):
    text = gindex("--help").stdout
    titles = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert titles == ["Options", *SECTIONS]
    assert len(SECTIONS) == 5
    for title, section in SECTIONS.items():
        listed = text.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert re.findall(r"^  (\S+)", listed, re.MULTILINE) == list(section)


def test_without_arguments_the_help_goes_to_standard_error(gindex):
    for words in GROUPS:
        result = gindex(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == gindex(*words, "--help").stdout


def test_version(gindex):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    result = gindex("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"gindex {version}\n", "")


# Choices ----------------------------------------------------------------------------------------------------

TABLES = {
    choices.GenomePer: get_args(GenomePer),
    choices.IdSource: get_args(IdFrom),
    choices.CallFormat: ("table", *calls.FORMATS),
    choices.ExplanationFormat: ("text", *document.FORMATS),
    choices.FetchFormat: get_args(Format),
    choices.FindFormat: ("table", *found.FORMATS),
    choices.FindEngine: ENGINES,
    choices.ListFormat: (*FORMATS, "parquet"),
    choices.RowFormat: ("table", *FORMATS, "parquet"),
    choices.ScoreFormat: comparison_tables.FORMATS,
    choices.VectorFormat: WRITERS,
    choices.ExportKind: export.EXPORTS,
    choices.ThemeName: THEMES,
    choices.ClusterMethod: METHODS,
    choices.MapMethod: MAPS,
    choices.TokenPooling: spec.TOKEN_POOLS,
    choices.ChunkPooling: spec.CHUNK_POOLS,
    choices.NumberFormat: spec.PRECISIONS,
    choices.StrandChoice: spec.STRANDS,
}


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_choices_are_those_of_the_library(kind):
    assert [choice.value for choice in kind] == list(TABLES[kind])


def enums_of(module):
    """The enums that a module defines."""
    named = [value for value in vars(module).values() if isinstance(value, type)]
    return {value for value in named if value.__module__ == module.__name__}


def test_every_enum_of_choices_is_compared_with_the_library():
    assert enums_of(choices) == set(TABLES)


@pytest.mark.long  # it imports torch
def test_choices_of_the_lab_are_those_of_the_library():
    pytest.importorskip("torch", reason="the extra neural is not installed")
    from genome_index.encoders.networks.feature_maps import FeatureName
    from genome_index.lab.architectures.table import Direction
    from genome_index.lab.figures.report import FIGURES
    from genome_index.lab.likelihood.score import Strands
    from genome_index.lab.performer.reproduce import PARTS
    from genome_index.lab.proteins import rows as protein_rows
    from genome_index.lab.proteins.gene_finding import GeneSource
    from genome_index.lab.study.study import DEVICES
    from genome_index.lab.study.tracking import TRACKERS
    from genome_index.lab.training import model_sizes, train_profile
    from genome_index.lab.training.token_batches import Objective
    from genome_index.lab.training.train_contrastive import PairKind

    tables = {
        lab_choices.ProfileSize: train_profile.SIZES,
        lab_choices.NetworkSize: model_sizes.SIZES,
        lab_choices.PretrainingObjective: get_args(Objective),
        lab_choices.AttentionFeatures: get_args(FeatureName),
        lab_choices.FragmentPairs: get_args(PairKind),
        lab_choices.ScoredStrands: get_args(Strands),
        lab_choices.PaperPart: PARTS,
        lab_choices.GeneChoice: get_args(GeneSource),
        lab_choices.AnswerFormat: ("table", *protein_rows.FORMATS),
        lab_choices.StudyDevice: DEVICES,
        lab_choices.StudyTracker: TRACKERS,
        lab_choices.ReadingDirection: get_args(Direction),
        lab_choices.StudyFigure: FIGURES,
    }
    assert enums_of(lab_choices) == set(tables)
    for kind, table in tables.items():
        assert [choice.value for choice in kind] == list(table), kind


@pytest.mark.long  # it imports torch
@pytest.mark.parametrize("name", ["contrast", "pretrain"])
def test_trainings_of_the_lab_have_the_defaults_of_the_library(name):
    pytest.importorskip("torch", reason="the extra neural is not installed")
    from genome_index.lab.training import pretrain, train_contrastive

    module = {"contrast": train_contrastive, "pretrain": pretrain}[name]
    own = inspect.signature(getattr(module, name)).parameters
    command = inspect.signature(getattr(importlib.import_module(f"gindex_cli.commands.lab.{name}"), name))
    named = {"lengths": "lengths_bp", "length": "length_bp", "pairs": "kind", "start": "begin"}
    compared = 0
    for parameter in command.parameters.values():
        if parameter.default is not inspect.Parameter.empty:
            default = own[named.get(parameter.name, parameter.name)].default
            shown = getattr(parameter.default, "value", parameter.default)
            assert (tuple(shown) if isinstance(shown, list) else shown) == default, parameter.name
            compared += 1
    assert compared >= 8


@pytest.mark.long  # it imports torch
def test_contrast_begins_with_what_learned_most():
    """lab/LOG.md, 2026-11-22: the settings of the second run."""
    pytest.importorskip("torch", reason="the extra neural is not installed")
    from genome_index.lab.training.train_contrastive import contrast

    defaults = {name: one.default for name, one in inspect.signature(contrast).parameters.items()}
    assert (defaults["tokenizer"], defaults["rate"], defaults["kind"]) == (
        "kmers-overlapping:6", 0.01, "homologous"
    )  # fmt: skip
    assert (defaults["size"], defaults["lengths_bp"]) == ("little", (500, 1000))


@pytest.mark.long  # it imports torch
def test_masked_pretraining_has_the_tokens_that_contrast_starts_with():
    pytest.importorskip("torch", reason="the extra neural is not installed")
    from genome_index.lab.training.pretrain import TOKENIZERS
    from genome_index.lab.training.train_contrastive import TOKENIZER

    assert TOKENIZERS == {"masked": TOKENIZER, "next": "kmers-apart:6"}


def test_a_shell_completes_commands_and_choices():
    def completed(*words):
        line = f"gindex {shlex.join(words)}"
        environment = {"_GINDEX_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
        done = subprocess.run(
            [GINDEX], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.split()

    assert completed("quer") == ["query"]
    assert completed("query", "--format", "js") == ["json", "jsonl"]
    assert completed("export", "it") == ["itol", "itol-labels"]


# Examples ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "line"), [(name, line) for name in EXAMPLES for line in EXAMPLES[name]])
def test_examples_are_valid_command_lines(gindex, narrow, command, line):
    assert f"\n    {line}\n" in gindex(*command.split(), "--help").stdout
    program, name, *words = shlex.split(line)
    assert program == "gindex"
    context = ALL[(name,)].make_context(name, words)  # raises what is wrong with the line
    assert context.params["index" if "index" in context.params else "out"]


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "gindex_cli", "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.startswith("Usage: gindex "), done.stderr) == (0, True, "")
