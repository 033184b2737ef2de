"""Retrieval evaluation: accuracy as plain loops compute it, and the references that may not answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from helpers.fasta import write_records

from genome_index import build_index
from genome_index.encoders.spectrum import Spectrum
from genome_index.errors import UsageError
from genome_index.evaluate.retrieval import Retrieval, _right, evaluate_retrieval
from genome_index.evaluate.retrieval_queries import (
    WHOLE,
    GenomeTable,
    RetrievalPlan,
    cut_fragment,
    genome_table,
    parse_lengths,
)
from genome_index.evaluate.retrieval_tables import retrieval_json, retrieval_lines
from genome_index.evaluate.species_out import SPECIES_OUT, has_answer
from genome_index.index.calibration.bootstrap import interval
from genome_index.index.index import Index
from genome_index.io.ids.id_list import read_ids
from genome_index.records import Contig, Genome
from genome_index.spec import IndexSpec
from genome_index.taxonomy.levels import UNKNOWN, Level

ROOT = Path(__file__).parents[2]
LENGTHS = (1_000, 3_000, WHOLE)


@pytest.fixture(scope="module")
def index(demo_index: Path) -> Index:
    return Index.open(demo_index)


@pytest.fixture(scope="module")
def found(index: Index) -> Retrieval:
    return evaluate_retrieval(index, RetrievalPlan(LENGTHS, seed=3))


def name_at(entry, rank):
    return entry.taxon.lineage.name(rank) or entry.taxon.labels.get(rank)


def free_for(entries, at, rank):
    """By the plain rule, the references that may answer."""
    mine = name_at(entries[at], "species")
    if rank in SPECIES_OUT:
        return [i for i, other in enumerate(entries) if name_at(other, "species") not in (None, mine)]
    return [i for i in range(len(entries)) if i != at]


def dull(index: Index, rank: str, length: int, seed: int) -> tuple[list[bool], list[str]]:
    """The nearest reference of each question, one by one: if it is right, and the question's species."""
    entries, encoder, right, species = index.catalog.entries(), Spectrum(), [], []
    references = index.model.vectors.rows()[[entry.row for entry in entries]]
    for at, entry in enumerate(entries):
        name, free = name_at(entry, rank), free_for(entries, at, rank)
        if not any(name_at(entries[i], rank) == name for i in free):
            continue
        genome = index.references.genome(entry.row)
        piece = genome if length == WHOLE else cut_fragment(genome, length, seed)
        vector = index.model.projection.apply(encoder.features(encoder.encode([piece])))[0]
        best = max(free, key=lambda i: references[i] @ vector)
        right.append(name_at(entries[best], rank) == name)
        species.append(name_at(entry, "species"))
    return right, species


@pytest.mark.parametrize("rank", ["phylum", "genus", "species", "habitat"])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_figures_are_those_of_plain_loops(index, found, rank, length) -> None:
    [one] = [one for one in found.results if (one.rank, one.length_bp) == (rank, length)]
    right, species = dull(index, rank, length, seed=3)
    assert (one.queries, one.species) == (len(right), len(set(species)))
    assert one.accuracy.value == pytest.approx(100 * np.mean(right))
    percent = 100 * np.array(right, float)
    assert one.accuracy.interval == interval(percent, np.unique(species, return_inverse=True)[1], 3)


def test_fragments_are_harder_than_wholes_and_not_hopeless(found) -> None:
    species = {one.length_bp: one.accuracy.value for one in found.results if one.rank == "species"}
    assert 0 < species[1_000] < species[3_000] < species[WHOLE]


def test_a_genus_of_one_species_has_no_question(demo, tmp_path) -> None:
    wanted = {
        "DEMO_0001": "A a",
        "DEMO_0002": "A a",
        "DEMO_0030": "A b",
        "DEMO_0045": "B c",
        "DEMO_0046": "B c",
    }
    files = [demo / "genomes" / f"{name}.fa.gz" for name in wanted]
    lines = [f"{name}\t{species[0]}\t{species}" for name, species in wanted.items()]
    taxonomy = tmp_path / "taxonomy.tsv"
    taxonomy.write_text("\n".join(["genome_id\tgenus\tspecies", *lines]) + "\n")
    build_index(files, tmp_path / "index", taxonomy)
    index = Index.open(tmp_path / "index")
    results = {one.rank: one for one in evaluate_retrieval(index, RetrievalPlan((WHOLE,))).results}
    # The twins of A a may not name their genus to each other, A b may; those of B c have nobody to ask.
    assert (results["genus"].queries, results["genus"].species) == (3, 2)
    assert (results["species"].queries, results["species"].species) == (4, 2)
    [alone] = evaluate_retrieval(
        index, RetrievalPlan((WHOLE,), only=frozenset({"DEMO_0001"}), rank="species")
    ).results
    assert (alone.queries, alone.accuracy.interval) == (1, None)  # one species: nothing to redraw


def test_the_nearest_answers_unless_it_is_barred() -> None:
    """Asked is 0; by nearness its twin 1, then 2 without a species, 4 of another genus, 3 of its own."""
    species = Level("species", ("A a", "A b", "B c"), np.array([0, 0, UNKNOWN, 1, 2], np.int32))
    genus = Level("genus", ("A", "B"), np.array([0, 0, 0, 0, 1], np.int32))
    turned = np.array([0, 0.1, 0.2, 0.4, 0.3])
    vectors = np.column_stack([np.cos(turned), np.sin(turned)]).astype(np.float32)
    levels = {"genus": genus, "species": species}
    table = GenomeTable(("q", "r", "s", "t", "u"), np.arange(5), levels, species, np.array([0]))
    right = _right(table, np.array([0]), vectors[:1], vectors)
    assert {rank: flags.tolist() for rank, flags in right.items()} == {"genus": [False], "species": [True]}


def test_without_a_species_name_genomes_neither_ask_nor_answer_above(six_genomes, demo, tmp_path) -> None:
    ids = [path.name.removesuffix(".fa.gz") for path in six_genomes]
    species = ["A a", "A a", "", "A b", "B c", "B d"]
    rows = [f"{one}\t{'AB'[at > 3]}\t{name}" for at, (one, name) in enumerate(zip(ids, species, strict=True))]
    (tmp_path / "taxonomy.tsv").write_text("\n".join(["genome_id\tgenus\tspecies", *rows]) + "\n")
    build_index(six_genomes, tmp_path / "index", tmp_path / "taxonomy.tsv")
    index = Index.open(tmp_path / "index")
    table = genome_table(index, RetrievalPlan((WHOLE,)))
    assert has_answer(table.levels["genus"], table.species).tolist() == [True, True, False, True, True, True]
    [genus] = evaluate_retrieval(index, RetrievalPlan((WHOLE,), rank="genus")).results
    right, _ = dull(index, "genus", WHOLE, 0)
    assert (genus.queries, genus.accuracy.value) == (5, pytest.approx(100 * np.mean(right)))


def test_the_same_seed_gives_the_same_queries(index, found) -> None:
    assert evaluate_retrieval(index, RetrievalPlan(LENGTHS, seed=3)) == found
    assert evaluate_retrieval(index, RetrievalPlan(LENGTHS, seed=4)).results != found.results
    alone = evaluate_retrieval(index, RetrievalPlan((1_000,), only=frozenset({"DEMO_0007"}), seed=3))
    assert (alone.genomes, alone.results[0].queries) == (1, 1)


def test_a_fragment_goes_by_seed_id_length_and_number_alone() -> None:
    bases = np.random.default_rng(0).choice(list(b"ACGT"), 20_000).astype(np.uint8).tobytes()
    genome = Genome("one", (Contig("a", bases), Contig("b", bases[:50])), "here")
    again = Genome("one", genome.contigs, "elsewhere")
    first = cut_fragment(genome, 1_000, 0).contigs[0].sequence
    assert len(first) == 1_000
    assert first in bases
    assert cut_fragment(again, 1_000, 0).contigs[0].sequence == first
    others = [
        cut_fragment(genome, 1_000, 1),
        cut_fragment(genome, 1_000, 0, 1),
        cut_fragment(replace(genome, id="two"), 1_000, 0),
    ]
    assert all(first != other.contigs[0].sequence for other in others)
    assert cut_fragment(Genome("c", genome.contigs[1:], "-"), 1_000, 0).length_bp == 50


def test_a_fragment_of_n_is_drawn_again() -> None:
    bases = np.random.default_rng(0).choice(list(b"ACGT"), 20_000).astype(np.uint8).tobytes()
    genome = Genome("half", (Contig("a", b"N" * 20_000 + bases),), "-")
    mostly_n = sum(
        cut_fragment(genome, 1_000, seed).contigs[0].sequence.count(b"N") > 500 for seed in range(80)
    )
    assert 2 < mostly_n < 25  # one of eight of them, and not one of two


def test_contigs_that_are_shorter_are_counted(index, demo_index) -> None:
    found = evaluate_retrieval(index, RetrievalPlan((1_000, 10_000_000, WHOLE), each=2))
    longest = {one.rank: one.accuracy.value for one in found.results if one.length_bp == 10_000_000}
    assert found.shorter == {1_000: 0, 10_000_000: 120, WHOLE: 0}
    assert {one.queries for one in found.results if one.rank == "phylum"} == {120, 60}
    assert longest["species"] > 90
    assert "10,000,000 bp: 120 fragments shorter, being whole contigs" in list(retrieval_lines(found))


def test_against_itself_there_is_no_difference(index, demo_index, found) -> None:
    both = evaluate_retrieval(index, RetrievalPlan(LENGTHS, seed=3), Index.open(demo_index))
    for one, alone in zip(both.results, found.results, strict=True):
        assert one.accuracy == one.against == alone.accuracy
        assert (one.difference.value, one.difference.interval) == (0, (0, 0))


@pytest.fixture(scope="module")
def narrow(demo, tmp_path_factory) -> Path:
    """The demo again, in another order, with vectors of two dimensions."""
    path = tmp_path_factory.mktemp("narrow") / "index"
    files = sorted((demo / "genomes").iterdir(), reverse=True)
    build_index(files, path, demo / "taxonomy.tsv", spec=IndexSpec(dim=2))
    return path


def test_against_another_the_queries_are_the_same(index, narrow) -> None:
    found = evaluate_retrieval(index, RetrievalPlan((3_000, WHOLE), seed=3), Index.open(narrow))
    for rank in ("genus", "species", "habitat"):
        [one] = [one for one in found.results if (one.rank, one.length_bp) == (rank, 3_000)]
        own, species = dull(index, rank, 3_000, seed=3)
        other = dull(Index.open(narrow), rank, 3_000, seed=3)[0]
        assert one.against.value == pytest.approx(100 * np.mean(other))
        assert one.difference.value == pytest.approx(100 * (np.mean(own) - np.mean(other)))
        assert one.difference.interval[0] <= one.difference.value <= one.difference.interval[1]
    whole = [one for one in found.results if (one.rank, one.length_bp) == ("species", WHOLE)]
    assert whole[0].difference.value > 20


def test_json_keeps_its_contract(index, narrow, found) -> None:
    schema = json.loads(
        (ROOT / "genome_index" / "report" / "schemas" / "evaluate_encoder.schema.json").read_text()
    )
    both = evaluate_retrieval(index, RetrievalPlan((1_000, WHOLE)), Index.open(narrow))
    for one in (found, both):
        jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(retrieval_json(one))))
    entries = retrieval_json(both)["results"]
    assert len(entries) == 2 * len(both.results)
    assert [entries[0]["difference"] is None, entries[1]["difference"] is None] == [False, True]
    assert [entry["index"] for entry in entries[:2]] == [str(index.path), str(narrow)]


def refusal(index: Index, plan: RetrievalPlan, against: Index | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        evaluate_retrieval(index, plan, against)
    return str(caught.value)


def test_impossible_plans_are_refused(index, demo_index, small_index, six_genomes, demo, tmp_path) -> None:
    path = index.path
    assert refusal(index, RetrievalPlan((WHOLE,), only=frozenset({"x", "y"}))) == (
        f"{path}: none of the 2 ids is in the index"
    )
    assert refusal(index, RetrievalPlan((WHOLE,), rank="depth")) == (
        f"{path}: no rank or label 'depth'; there are: {', '.join(index.model.levels)}"
    )
    assert refusal(index, RetrievalPlan((WHOLE,)), Index.open(small_index)) == (
        f"--against {small_index}: DEMO_0003 is not in both indexes with the same sequence; "
        f"compare indexes of the same genomes as {path} has"
    )
    build_index(six_genomes[:1], tmp_path / "one", demo / "taxonomy.tsv")
    assert refusal(Index.open(tmp_path / "one"), RetrievalPlan((WHOLE,), rank="species")) == (
        f"{tmp_path / 'one'}: no genome shares a name with another one that may answer, so there is no query"
    )


def test_large_genomes_without_their_bases_are_refused(six_genomes, demo, tmp_path) -> None:
    taxonomy, path = demo / "taxonomy.tsv", tmp_path / "index"
    build_index(six_genomes, path, taxonomy, spec=IndexSpec(small_bp=70_000))
    index = Index.open(path)
    large = sum(entry.length_bp > 70_000 for entry in index.catalog.entries())
    assert 0 < large < 6
    assert refusal(index, RetrievalPlan((1_000, WHOLE))) == (
        f"{path}: the index does not store the bases of {large} of 6 genomes to cut fragments from; "
        "build it with `gindex build --keep-sequence`, or leave those out with --only"
    )
    assert evaluate_retrieval(index, RetrievalPlan((WHOLE,))).genomes == 6  # their vectors are stored
    kept = tmp_path / "kept"
    build_index(six_genomes, kept, taxonomy, spec=IndexSpec(small_bp=70_000, keep_sequence=True))
    assert evaluate_retrieval(Index.open(kept), RetrievalPlan((1_000,))).genomes == 6


@pytest.mark.parametrize("text", ["", "99", "1000,", "1e3", "all", "-1000"])
def test_lengths_that_are_none_are_refused(text) -> None:
    with pytest.raises(UsageError, match=r"is no length; give numbers of bp, 100 or more, or whole"):
        parse_lengths(text)


def test_each_length_is_evaluated_once() -> None:
    assert parse_lengths("3000, whole,3000") == (3_000, WHOLE)


def test_genomes_may_be_named_in_a_file(tmp_path) -> None:
    plain, split = tmp_path / "ids.txt", tmp_path / "split.tsv"
    plain.write_text("# chosen\na\n\n b \n")
    split.write_text("genome_id\tpart\tcluster\na\ttrain\t0\nb\ttest\t1\nc\ttest\t1\n")
    assert read_ids(plain) == {"a", "b"}
    assert read_ids(split) == {"a", "b", "c"}
    assert read_ids(split, "test") == {"b", "c"}


@pytest.mark.parametrize(
    ("content", "part", "sentence"),
    [
        ("a\nb\n", "test", "--part test: {path} is not a table with the columns genome_id and part"),
        ("genome_id\tpart\na\ttrain\n", "x", "--part x: {path} has no genome of that part; there are: train"),
        ("\n", None, "{path}: no genome ids in it; give one id a line, or a table with a column genome_id"),
        (b"\xff\xfea", None, "{path}: cannot read the list of genomes (.*); give a text file, one id a line"),
    ],
)  # fmt: skip
def test_lists_that_name_nobody_are_refused(tmp_path, content, part, sentence) -> None:
    path = tmp_path / "list"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    start, _, end = sentence.format(path=path).partition("(.*)")
    with pytest.raises(UsageError) as caught:
        read_ids(path, part)
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith(end)


def test_the_command_for_people_and_for_programs(gindex, demo_index, tmp_path) -> None:
    split = tmp_path / "split.tsv"
    split.write_text("genome_id\tpart\nDEMO_0001\ttest\nDEMO_0002\ttest\nDEMO_0003\ttrain\nother\ttest\n")
    words = (
        "evaluate-encoder", "--index", demo_index, "--lengths", "1000,whole",
        "--only", split, "--part", "test",
    )  # fmt: skip
    found = json.loads(gindex(*words, "--format", "json", "--against", demo_index, "--each", 3).stdout)
    assert (found["version"], found["genomes"], found["missing_ids"]) == (2, 2, 1)
    assert {entry["queries"] for entry in found["results"]} == {6, 2}
    text = gindex(*words).stdout.splitlines()
    assert text[0] == "2 genomes, 1 fragment of each; the nearest vector answers"
    assert f"1 id of --only not in {demo_index}" in text
    assert any(line.split()[:4] == ["species", "whole", "2", "1"] for line in text)


def test_a_part_without_its_table_is_refused(gindex, demo_index) -> None:
    result = gindex("evaluate-encoder", "--index", demo_index, "--part", "test")
    sentence = "--part test selects from the table of --only FILE; give that too"
    assert (result.exit_code, result.stderr) == (2, f"gindex: {sentence}\n")


@pytest.mark.parametrize("option", ["--fragments", "--each", "--against", "--only", "--part", "--model"])
def test_options_of_the_encoder_are_not_those_of_the_calls(gindex, demo_index, option) -> None:
    result = gindex("evaluate", "--index", demo_index, option, "1")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"gindex: no such option: {option}")


def test_real_fragments_are_found_by_their_species(shared_genomes, tmp_path) -> None:
    """Dengue subtypes as queries: several genomes share each subtype, and all of them the species."""
    lines = (shared_genomes / "dengue.tsv").read_text().splitlines()[1:]
    wanted = {line.split("\t")[0] for line in lines[:: len(lines) // 60]}
    fasta = write_records(shared_genomes / "dengue.fa.gz", wanted, tmp_path / "dengue.fasta")
    build_index([fasta], tmp_path / "index", shared_genomes / "dengue.tsv", per="record")
    found = evaluate_retrieval(Index.open(tmp_path / "index"), RetrievalPlan((3_000, WHOLE), rank="subtype"))
    short, whole = found.results
    assert whole.queries == found.genomes > 50
    assert whole.accuracy.value == 100
    assert short.accuracy.value > 60
