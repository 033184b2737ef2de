"""Wrong command lines and requests: one sentence, exit code 2, and nothing is changed."""

from __future__ import annotations

import re

import pytest
from helpers.command_line import (
    FULL,
    NO_ENCODER,
    NO_INDEX,
    refused,
)

NO_INPUT = "no input: give files, folders, - for standard input, or --from-file LIST"
FOLDS = "give --folds 2 or more, or --leave-one-out, not both"
PER = "--genome-per is 'contig'; choose file or record; see `gindex {} --help`"
CANNOT_READ_LIST = (
    "{nowhere}: cannot read the list of inputs (no such file or folder; check the path); "
    "give a text file, one path a line"
)
WRONG_USE = {
    "query --index {index}": NO_INPUT,
    "build --index {nowhere}": NO_INPUT,
    "add --index {index}": NO_INPUT,
    "query --from-file {empty} --index {index}": NO_INPUT,
    "query --from-file {nowhere} --index {index}": CANNOT_READ_LIST,
    "build --from-file {nowhere} --index {nowhere}": CANNOT_READ_LIST,
    "query {good} --format xml --index {index}": (
        "--format is 'xml'; choose table, tsv, json or jsonl; see `gindex query --help`"
    ),
    "list --format xml --index {index}": (
        "--format is 'xml'; choose tsv, json, jsonl or parquet; see `gindex list --help`"
    ),
    "build {good} --encoder nt --index {nowhere}": NO_ENCODER,
    "query {good} --genome-per contig --index {index}": PER.format("query"),
    "build {good} --genome-per contig --index {nowhere}": PER.format("build"),
    "add {good} --genome-per contig --index {index}": PER.format("add"),
    "build {good} --taxonomy {nowhere} --index {nowhere}": "{nowhere}: no such file; check the path",
    "build {empty} --index {nowhere}": (
        "{nowhere}: no genome could be read, so nothing was built; "
        "{empty}: the file is empty; give a FASTA or GenBank file"
    ),
    "query {good} --index {nowhere}": NO_INDEX,
    "query {good} --index {good}": "no index at {good}; make one with `gindex build INPUT... --index {good}`",
    "add {good} --index {nowhere}": NO_INDEX,
    "remove x --index {nowhere}": NO_INDEX,
    "relabel {labels} --index {nowhere}": NO_INDEX,
    "undo --index {nowhere}": NO_INDEX,
    "refit --index {nowhere}": NO_INDEX,
    "info --index {nowhere}": NO_INDEX,
    "list --index {nowhere}": NO_INDEX,
    "check --index {nowhere}": NO_INDEX,
    "evaluate --index {nowhere}": NO_INDEX,
    "merge {nowhere} --index {index}": NO_INDEX,
    "merge {nowhere} --index {nowhere}": NO_INDEX,
    "build {good} --index {good}": "{good}: " + FULL.format("File exists"),
    "remove DEMO_0001 x y --index {index}": (
        "{index}: no genome has the id 'x' and 1 more; `gindex list` lists the ids. Nothing was removed"
    ),
    "remove DEMO_0001 DEMO_0002 DEMO_0004 DEMO_0005 DEMO_0015 DEMO_0017 --index {index}": (
        "{index}: that would remove every genome; delete the folder instead. Nothing was removed"
    ),
    "undo --index {index}": "{index}: nothing to undo: snapshot 1 (build) is the oldest one",
    "evaluate --format tsv --index {index}": (
        "--format is 'tsv'; choose table or json; see `gindex evaluate --help`"
    ),
    "evaluate --folds 1 --index {index}": FOLDS,
    "evaluate --folds 2 --leave-one-out --index {index}": FOLDS,
    "fetch": "give accessions, or one taxon (--taxon NAME), and not both",
}


def content(index):
    files = sorted(path for path in index.rglob("*") if path.is_file() and path.name != "lock")
    return [(path, path.read_bytes()) for path in files]


@pytest.mark.parametrize("line", WRONG_USE)
def test_wrong_use_is_a_sentence_and_changes_nothing(gindex, places, line):
    before = content(places["index"])
    words = [word.format(**places) for word in line.split()]
    assert refused(gindex(*words), WRONG_USE[line].format(**places))
    assert content(places["index"]) == before
    assert not places["nowhere"].exists()


def test_a_factory_string_that_faiss_does_not_know(gindex, good, other, tmp_path):
    result = gindex("build", good, other, "--faiss", "Bogus7", "--index", tmp_path / "index")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(
        "gindex: FAISS cannot build 'Bogus7' for 2 vectors: .*could not parse index string Bogus7"
        "; choose another --faiss",
        result.stderr.splitlines()[-1],
    )


COMMAND_LINES = {
    "nonsense": "no such command 'nonsense'; see `gindex --help`",
    "quer x": "no such command 'quer'; did you mean 'query'?",
    "draw nonsense": "no such command 'nonsense'; see `gindex draw --help`",
    "query --nonsense": "no such option: --nonsense; see `gindex query --help`",
    "query x --thread 1": "no such option: --thread (Possible options: --threads); see `gindex query --help`",
    "query x --format": "option '--format' requires an argument",
    "query x --threads 0": (
        "--threads is '0'; it must be greater than or equal to 1; see `gindex query --help`"
    ),
    "query x -k many": "-k is 'many'; it must be a valid integer; see `gindex query --help`",
    "build x --token-pool sum": (
        "--token-pool is 'sum'; choose mean, max, cls or gem; see `gindex build --help`"
    ),
    "report --method ward": (
        "--method is 'ward'; choose average, complete, single, leiden or hdbscan; see `gindex report --help`"
    ),
    "draw map --by tsne": "--by is 'tsne'; choose umap or pca; see `gindex draw map --help`",
    "draw identity --theme blue": (
        "--theme is 'blue'; choose light or dark; see `gindex draw identity --help`"
    ),
    "export svg": (
        "KIND is 'svg'; choose newick, graphml, microreact, krona, itol or itol-labels; "
        "see `gindex export --help`"
    ),
    "export": (
        "missing argument 'KIND'; choose from: newick, graphml, microreact, krona, itol, itol-labels; "
        "see `gindex export --help`"
    ),
    "list x": "got unexpected extra argument(s) (x); see `gindex list --help`",
    "remove": "missing argument 'ID'; see `gindex remove --help`",
    "merge": "missing argument 'DIR'; see `gindex merge --help`",
}


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_wrong_command_line_is_one_sentence(gindex, line):
    assert refused(gindex(*line.split()), COMMAND_LINES[line])
