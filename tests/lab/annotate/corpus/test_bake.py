"""Baking: what a corpus holds, what is left out and why, the same bytes each time."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from gindex_cli import app
from helpers.annotations import flat_file, real_annotations
from typer.testing import CliRunner

from genome_index.errors import InputError, UsageError
from genome_index.io.sequence import reverse_complement
from genome_index.lab.annotate.corpus.bake import BakePlan, BakeSummary, add_tokens, bake
from genome_index.lab.annotate.corpus.examples import Examples
from genome_index.lab.annotate.corpus.windows import WindowPlan
from genome_index.lab.corpus.packing import bases_of
from genome_index.lab.corpus.relatives import SketchFile
from genome_index.lab.corpus.split import PARTS, SplitPlan

COLUMNS = "3 columns instead of 9, left out; separate them by tabs and write . for an unknown value"
HALVES = BakePlan(WindowPlan(500, 250, 20), SplitPlan(seed=1, test=0.3, validation=0.2))
ROWS = (
    "{c}\tsim\tregion\t1\t{n}\t.\t+\t.\tID=r\n"
    "{c}\tsim\tgene\t101\t400\t.\t+\t.\tID=g1;gene_biotype=protein_coding\n"
    "{c}\tsim\tCDS\t101\t400\t.\t+\t0\tID=c1;Parent=g1\n"
    "{c}\tsim\tgene\t701\t1000\t.\t-\t.\tID=g2\n"
    "{c}\tsim\ttRNA\t701\t800\t.\t-\t.\tID=t2;Parent=g2\n"
)


def dna(seed: int, length: int = 1_500) -> bytes:
    return bases_of(np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8))


def near(sequence: bytes, seed: int) -> bytes:
    """The sequence with 1 % of its bases changed."""
    bases = bytearray(sequence)
    for at in np.random.default_rng(seed).choice(len(bases), len(bases) // 100, replace=False):
        bases[at] = b"CGTA"[b"ACGT".index(bases[at])]
    return bytes(bases)


def identity(one: bytes, other: bytes) -> float:
    """The share of equal bases; those of two random sequences are 1/4."""
    return float((np.frombuffer(one, np.uint8) == np.frombuffer(other, np.uint8)).mean())


def write(folder: Path, sequences: dict[str, bytes], contig: str = "") -> list[str]:
    """A FASTA and a GFF3 for each genome; the annotation's paths. The contig is called as its genome."""
    folder.mkdir(exist_ok=True)
    paths = []
    for name, sequence in sequences.items():
        (folder / f"{name}.fna").write_bytes(b">%s\n%s\n" % ((contig or name).encode(), sequence))
        paths.append(folder / f"{name}.gff")
        paths[-1].write_text("##gff-version 3\n" + ROWS.format(c=contig or name, n=len(sequence)))
    return [str(path) for path in paths]


@pytest.fixture
def genomes(tmp_path: Path) -> tuple[str, list[str]]:
    """Ten genomes in five pairs of relatives."""
    sequences = {
        f"s{pair}_{own}": near(dna(pair), own) if own else dna(pair) for pair in range(5) for own in (0, 1)
    }
    paths = write(tmp_path / "in", sequences)
    return str(tmp_path / "in"), paths


def baked(given: tuple[str, list[str]], out: Path, plan: BakePlan = HALVES) -> tuple[BakeSummary, Examples]:
    summary = bake([given[0]], given[1], out, plan)
    return summary, Examples(out)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows_of(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()]


def test_a_corpus_has_the_windows_of_both_strands(genomes: tuple[str, list[str]], tmp_path: Path) -> None:
    summary, corpus = baked(genomes, tmp_path / "out")
    assert summary.failures == summary.complaints == ()
    examples = [one for part in PARTS for one in corpus.of_part(part)]
    assert len(examples) == 10 * 5 * 2  # starts 0, 250, 500, 750, 1000
    own = [one for one in examples if one.genome == "s0_0"]
    assert [(one.start, one.end, one.strand, one.before, one.after) for one in own[:4]] == [
        (1, 500, "+", 0, 20), (1, 500, "-", 20, 0), (251, 750, "+", 20, 20), (251, 750, "-", 20, 20)
    ]  # fmt: skip
    sequence = dna(0).decode()
    assert own[2].input == f"[ATT] {sequence[230:770]}"
    assert own[3].bases.encode() == reverse_complement(own[2].bases.encode())
    assert own[2].target == (
        "<bos>\n"
        "CDS\t<1\t150\t+\t0\t0\tprotein_coding\n"
        "gene\t<1\t150\t+\t.\t0\tprotein_coding\n"
        "gene\t451\t>500\t-\t.\t1\t.\n"
        "tRNA\t451\t>500\t-\t.\t1\t.\n"
        "<eos>"
    )
    assert own[3].target == (
        "<bos>\n"
        "gene\t<1\t50\t+\t.\t0\t.\n"
        "tRNA\t<1\t50\t+\t.\t0\t.\n"
        "CDS\t351\t>500\t-\t0\t1\tprotein_coding\n"
        "gene\t351\t>500\t-\t.\t1\tprotein_coding\n"
        "<eos>"
    )
    assert [(line.type, line.start, line.end) for line in own[2].lines][2] == ("gene", 450, 500)


def test_no_genome_has_a_relative_in_another_part(genomes: tuple[str, list[str]], tmp_path: Path) -> None:
    summary, corpus = baked(genomes, tmp_path / "out")
    assert {part: row["genomes"] for part, row in summary.parts.items()} == {
        "train": 6,
        "validation": 2,
        "test": 2,
    }
    assert summary.clusters == 5
    parts = corpus.split().parts
    sequences = {
        name: (near(dna(int(name[1])), 1) if name[-1] == "1" else dna(int(name[1]))) for name in parts
    }
    related = [(a, b) for a, b in combinations(parts, 2) if identity(sequences[a], sequences[b]) > 0.9]
    assert len(related) == 5
    for a, b in related:
        assert parts[a] == parts[b]
    for part in PARTS:
        examples = list(corpus.of_part(part))
        assert len(examples) == corpus.count(part) == summary.parts[part]["windows"]
        assert {parts[one.genome] for one in examples} == {part}


def test_the_same_inputs_give_the_same_bytes(genomes: tuple[str, list[str]], tmp_path: Path) -> None:
    baked(genomes, tmp_path / "a")
    _, corpus = baked(genomes, tmp_path / "b")
    first = files_of(tmp_path / "a")
    assert first == files_of(tmp_path / "b")
    assert sorted(first) == [
        "README.md", "complaints.tsv", "left_out.tsv", "manifest.json", "report.tsv", "split.tsv",
        "test.jsonl", "train.jsonl", "validation.jsonl",
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "in"]
    corpus.check()
    assert corpus.settings["window_bp"] == 500
    (tmp_path / "b" / "test.jsonl").write_bytes(b"{}\n")
    with pytest.raises(InputError, match="bake the corpus again, with the same command"):
        corpus.check()


def test_the_report_counts_features_and_what_is_left_out(tmp_path: Path) -> None:
    gffs = write(tmp_path / "in", {"a": dna(1), "b": dna(2)})
    (tmp_path / "in" / "copy.fna").write_bytes(b">copy\n%s\n" % dna(1))
    (tmp_path / "in" / "n.fna").write_bytes(b">a2\n%s\n>none\n%s\n" % (dna(3, 600) + b"N" * 900, dna(4)))
    (tmp_path / "in" / "empty.fna").write_bytes(b">empty\n")
    (tmp_path / "in" / "unnamed.fna").write_bytes(b">chr9\n%s\n" % dna(9))
    with Path(gffs[0]).open("a") as file:
        file.write(
            "a2\tsim\tgene\t1\t90\t.\t+\t.\tID=x\na2\tsim\tgene\t1400\t1600\t.\t+\t.\tID=y\na2\tsim\tgene\n"
        )
        file.write("other\tsim\tgene\t1\t90\t.\t+\t.\tID=z\n")
    summary, corpus = baked(
        (str(tmp_path / "in"), gffs), tmp_path / "out", BakePlan(HALVES.windows, HALVES.split)
    )
    assert [str(one) for one in summary.complaints] == [f"a.gff, line 9: {COLUMNS}"]
    assert rows_of(corpus.path / "complaints.tsv")[1:] == [
        [
            "a.gff",
            "9",
            "3 columns instead of 9, left out; separate them by tabs and write . for an unknown value",
        ]
    ]
    header, *rows = rows_of(corpus.path / "report.tsv")
    assert header == [
        "type", "biotype", "parts", "shortest_bp", "median_bp", "longest_bp", "train_lines",
        "validation_lines", "test_lines",
    ]  # fmt: skip
    assert [[*row[:6], sum(map(int, row[6:]))] for row in rows] == [
        ["CDS", "protein_coding", "2", "300", "300", "300", 8],
        ["gene", "", "3", "90", "300", "300", 14],
        ["gene", "protein_coding", "2", "300", "300", "300", 8],
        ["tRNA", "", "2", "100", "100", "100", 12],
    ]
    for column, part in enumerate(PARTS, 6):
        lines = Counter((line.type, line.biotype) for one in corpus.of_part(part) for line in one.lines)
        assert {(row[0], row[1]): int(row[column]) for row in rows if row[column] != "0"} == dict(lines)
    assert rows_of(corpus.path / "left_out.tsv") == [
        ["kind", "name", "number", "reason"],
        ["contig", "none", "1", "no annotation names it"],
        ["feature", "all", "1", "its contig other of a.gff is in no genome that is used"],
        ["feature", "gene", "1", "it ends beyond its contig"],
        ["feature", "region", "2", "a landmark, not a feature of the sequence"],
        ["genome", "copy", "1", "the same sequence as a"],
        ["genome", "empty", "1", "headers but no sequence; give a complete FASTA or GenBank file"],
        ["genome", "unnamed", "1",
         "no annotation names its contigs, such as 'chr9'; they name 'a', 'a2', 'other': make the names "
         "the same"],
        ["window", "a2", "6", "more than half of it is N"],
    ]  # fmt: skip
    assert [failure.id for failure in summary.failures] == ["empty", "unnamed"]
    card = (corpus.path / "README.md").read_text()
    assert "| genome | 1 | the same sequence as a |" in card
    assert "1 complaint about lines" in card


def test_annotations_of_one_contig_name_go_by_the_name_of_the_file(tmp_path: Path) -> None:
    gffs = write(tmp_path / "in", {"a": dna(1), "b": dna(2)}, contig="contig_1")
    Path(gffs[1]).write_text("contig_1\tsim\tgene\t1\t90\t.\t+\t.\tID=g1\n")
    _, corpus = baked((str(tmp_path / "in"), gffs), tmp_path / "out")
    lines = {one.genome: 0 for part in PARTS for one in corpus.of_part(part)}
    for part in PARTS:
        for one in corpus.of_part(part):
            lines[one.genome] += len(one.lines)
    assert lines == {"a": 20, "b": 2}
    merged = tmp_path / "all.gff"
    merged.write_text(Path(gffs[0]).read_text())
    summary, _ = baked((str(tmp_path / "in"), [str(merged)]), tmp_path / "out2")
    assert [str(failure.reason) for failure in summary.failures] == [
        "all.gff annotates contig 'contig_1', which a has too; call the annotation of each genome as its "
        "FASTA, or rename the contigs"
    ]


def test_gff3_with_embedded_sequences_is_sequence_and_annotation(tmp_path: Path) -> None:
    """Two of them, whose contigs have one name."""
    paths = [tmp_path / "a.gff3", tmp_path / "b.gff3"]
    for number, path in enumerate(paths):
        rows = ROWS.format(c="c", n=1_500) if number else "c\tsim\tgene\t1\t90\t.\t+\t.\tID=g1\n"
        path.write_text(f"##gff-version 3\n{rows}##FASTA\n>c\n{dna(number).decode()}\n")
    given = [str(path) for path in paths]
    summary = bake(given, given, tmp_path / "out", BakePlan(HALVES.windows, SplitPlan(test=0, validation=0)))
    assert summary.failures == ()
    lines: Counter[str] = Counter()
    for one in Examples(tmp_path / "out").of_part("train"):
        lines[one.genome] += len(one.lines)
    assert sorted(lines.values()) == [2, 20]


def test_an_interrupted_baking_leaves_no_corpus(
    genomes: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(SketchFile, "groups", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            baked(genomes, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    baked(genomes, tmp_path / "out")
    baked(genomes, tmp_path / "other")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "other")


def test_several_annotations_of_one_genome_are_joined(tmp_path: Path) -> None:
    (gff,) = write(tmp_path / "in", {"a": dna(1)})
    more = tmp_path / "more.gff.gz"
    more.write_bytes(gzip.compress(b"a\tsim\tmiRNA\t101\t400\t.\t+\t.\tID=g1\n"))
    Path(gff).rename(tmp_path / "first.gff")
    _, corpus = baked((str(tmp_path / "in"), [str(tmp_path / "first.gff"), str(more)]), tmp_path / "out")
    first = next(corpus.of_part("train"))
    assert [(line.type, line.gene) for line in first.lines] == [("CDS", 0), ("gene", 0), ("miRNA", 1)]


def test_genbank_is_sequence_and_annotation(tmp_path: Path) -> None:
    bases = dna(5, 900).decode()
    path = tmp_path / "a.gb"
    path.write_text(flat_file('gene join(850..900,1..30)\n  /gene="x"', bases, "circular"))
    _, corpus = baked((str(path), [str(path)]), tmp_path / "out", BakePlan(WindowPlan(500, 400, 0, False)))
    assert [one.target for one in corpus.of_part("train")] == [
        "<bos>\ngene\t<1\t30\t+\t.\t0\t.\n<eos>",
        "<bos>\ngene\t450\t>500\t+\t.\t0\t.\n<eos>",
        "<bos>\ngene\t50\t130\t+\t.\t0\t.\n<eos>",  # from 800 over the origin to 400
    ]
    assert rows_of(corpus.path / "report.tsv")[1] == ["gene", "", "1", "81", "81", "81", "3", "0", "0"]


def test_windows_with_too_many_lines_are_left_out(tmp_path: Path) -> None:
    given = str(tmp_path / "in"), write(tmp_path / "in", {"a": dna(1)})
    plan = BakePlan(WindowPlan(500, 500, 0, both_strands=False), max_lines=1)
    _, corpus = baked(given, tmp_path / "out", plan)
    assert [one.start for one in corpus.of_part("train")] == [1_001]
    assert rows_of(corpus.path / "left_out.tsv")[-1] == ["window", "a", "2", "more than 1 lines"]


def test_tokens_are_added_to_a_list(genomes: tuple[str, list[str]], tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("tRNA\nmine\n")
    bake([genomes[0]], genomes[1], tmp_path / "out", HALVES, path)
    expected = [
        "tRNA",
        "mine",
        "[ATT]",
        "<bos>",
        "<eos>",
        "+",
        "-",
        ".",
        "?",
        "<",
        ">",
        "CDS",
        "gene",
        "protein_coding",
    ]
    assert path.read_text().split("\n") == [*expected, ""]
    add_tokens(path, ["gene", "a\\b", "x\u2028y"])
    assert path.read_text().split("\n") == [*expected, "a\\\\b", "x\u2028y", ""]


def test_errors_name_the_cure(genomes: tuple[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="out exists; remove it, or give another folder with --out"):
        baked(genomes, tmp_path / "out")
    with pytest.raises(
        UsageError, match="no genome with annotation could be read: .*: no such file or folder"
    ):
        baked((str(tmp_path / "none.fna"), genomes[1]), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(
        UsageError, match="no baked corpus at .*nowhere; make one with `gindex lab annotate bake"
    ):
        Examples(tmp_path / "nowhere")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="does not match its checksum; bake the corpus again"):
        Examples(corpus)


def test_the_command(genomes: tuple[str, list[str]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--window", "500", "--stride", "250", "--flank", "20", "--seed", "1", "--test-share", "0.3",
               "--validation-share", "0.2", "--extract-tokens", str(tmp_path / "tokens.txt")]  # fmt: skip
    result = CliRunner().invoke(
        app, ["lab", "annotate", "bake", genomes[0], *genomes[1], "--out", str(out), *options]
    )
    assert result.exit_code == 0, result.stderr
    assert f"{out}: 100 windows, 200 lines, 5 clusters." in result.stderr
    assert (
        "train 6 genomes, 60 windows; validation 2 genomes, 20 windows; test 2 genomes, 20 windows."
        in result.stderr
    )
    bake([genomes[0]], genomes[1], tmp_path / "same", HALVES)
    assert files_of(out) == files_of(tmp_path / "same")
    assert "protein_coding" in (tmp_path / "tokens.txt").read_text()
    again = CliRunner().invoke(app, ["lab", "annotate", "bake", genomes[0], *genomes[1], "--out", str(out)])
    assert again.exit_code == 2


def test_the_command_names_bad_lines(tmp_path: Path) -> None:
    (gff,) = write(tmp_path / "in", {"a": dna(1)})
    with Path(gff).open("a") as file:
        file.write("a\tsim\tgene\t9\t1\t.\t+\t.\tID=z\n" * 25)
    command = ["lab", "annotate", "bake", str(tmp_path / "in"), gff, "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert (
        "a.gff, line 7: start 9 is after end 1, left out; write the smaller one first, the strand says the "
        "direction"
    ) in result.stderr
    assert "... and 5 more" in result.stderr
    assert "25 complaints about lines of annotation files: complaints.tsv." in result.stderr
    assert (
        "no genome is in validation and test: 1 cluster of relatives; give more, or larger shares"
        in result.stderr
    )


@pytest.mark.long
def test_real_records_are_baked(tmp_path: Path) -> None:
    names = ("NC_000932.gb", "NC_005816.gb", "AE017046.embl", "SC10H5.embl")
    files = [str(path) for path in real_annotations() if path.name in names]
    if not files:
        pytest.skip("none of the records is among the real files")
    (tmp_path / "in").mkdir()
    for path in files:
        (tmp_path / "in" / Path(path).name).write_bytes(Path(path).read_bytes())
    summary, corpus = baked((str(tmp_path / "in"), files), tmp_path / "out", BakePlan())
    assert summary.failures == ()
    examples = [one for part in PARTS for one in corpus.of_part(part)]
    assert len(examples) == sum(row["windows"] for row in summary.parts.values()) > 300
    assert sum(len(one.lines) for one in examples) == sum(row["lines"] for row in summary.parts.values())
    json.loads((corpus.path / "manifest.json").read_text())
