"""Views of an index in the service: equal to the contents of the index, page by page, without paths."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, is_dataclass, replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from helpers.planted import built, plant, read_all

from genome_index import ChangeSettings, Index, build_index, query_index
from genome_index.collection.map import map_of
from genome_index.errors import UnusableIndex, UsageError
from genome_index.index.calibration.hits import KMER_FLOOR, KMER_WEIGHT, Hits
from genome_index.index.calibration.thresholds import PRIOR_WEIGHT, PRIORS, RANGE
from genome_index.index.changes import remove
from genome_index.index.index import undo
from genome_index.index.info import describe, listing, provenance
from genome_index.index.merge import merge
from genome_index.index.neighbours import neighbour_hits
from genome_index.index.store.pair_table import rows_of
from genome_index.records import RANKS
from genome_index.report.calls import call_json
from genome_index.report.html.map import map_block
from genome_index.report.html.query_page import place_of
from genome_index.service.problems import Problem
from genome_index.service.views.index_view import IndexView
from genome_index.service.views.name_lookup import LONGEST, MOST, Names
from genome_index.service.views.neighbours import NEAREST, between_species, measured, nearest_species
from genome_index.taxonomy.levels import UNKNOWN


@pytest.fixture(scope="module")
def index_view(demo_index: Path) -> IndexView:
    return IndexView.open(demo_index)


@pytest.fixture(scope="module")
def rows(demo_index: Path) -> list[dict[str, str]]:
    """The genomes of `gindex list`: by row, which is by id in the demo."""
    return list(csv.DictReader(listing(Index.open(demo_index)), delimiter="\t"))


@pytest.fixture(scope="module")
def poor(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> IndexView:
    """Three genomes: one alone in its species, one of an uncallable species, one without names."""
    folder = tmp_path_factory.mktemp("poor")
    table = folder / "names.tsv"
    table.write_text("genome_id\tspecies\nDEMO_0001\tDemobacter fictus\nDEMO_0015\tSpecimenella sp. 7\n")
    files = [demo / "genomes" / f"DEMO_{number:04}.fa.gz" for number in (1, 15, 17)]
    assert build_index(files, folder / "index", table).added == 3
    return IndexView.open(folder / "index")


def every_result(index_view: IndexView) -> Iterator[object]:
    """All answers of a view, as plain values."""
    page = index_view.genomes(limit=MOST)
    kinds = index_view.species_list(limit=MOST)
    answers = [page, kinds, index_view.provenance(), *(index_view.genome(one.id) for one in page.items)]
    answers += [index_view.species(one.name) for one in kinds.items]
    assert all(map(is_dataclass, answers))
    yield from map(asdict, answers)
    yield index_view.map()


def rounded(value: float, digits: int) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)


# -- genomes -------------------------------------------------------------------------------------------------


def test_genomes_are_those_of_the_listing(index_view: IndexView, rows: list[dict[str, str]]) -> None:
    page = index_view.genomes(limit=MOST)
    assert page.total == len(page.items) == len(rows) == 60
    for one, row in zip(page.items, rows, strict=True):
        assert (one.id, str(one.length_bp), str(one.contigs)) == (
            row["genome_id"], row["length_bp"], row["contigs"],
        )  # fmt: skip
        assert (one.molecule, one.species) == (row["molecule"], row["species"])
        assert one.lineage == {rank: row[rank] for rank in RANKS if row[rank]}
        assert one.labels == {"kind": row["kind"], "habitat": row["habitat"]}


@pytest.mark.parametrize("wanted", ["demo_001", " SPECIMENELLA ", "ella l", "Demobacterales", "fictus", "no"])
def test_search_finds_ids_and_names(index_view: IndexView, rows: list[dict[str, str]], wanted: str) -> None:
    expected = [
        row["genome_id"]
        for row in rows
        if any(wanted.strip().lower() in row[key].lower() for key in ("genome_id", *RANKS))
    ]
    found = index_view.genomes(wanted, limit=MOST)
    assert [one.id for one in found.items] == expected
    assert found.total == len(expected)
    assert (wanted == "no") == (not expected)


@pytest.mark.parametrize(
    ("level", "name"), [("species", "Demobacter vacuus"), ("genus", "Specimenella"), ("habitat", "sea water")]
)
def test_a_name_at_a_rank_or_as_a_label(
    index_view: IndexView, rows: list[dict[str, str]], level: str, name: str
) -> None:
    expected = [row["genome_id"] for row in rows if row[level] == name]
    assert [one.id for one in index_view.genomes(rank=level, name=name).items] == expected != []
    some = index_view.genomes("0", level, name, 1, 1)
    assert [one.id for one in some.items] == expected[1:2]
    assert (some.total, some.offset) == (len(expected), 1)


def test_pages_add_up_to_the_whole_list(index_view: IndexView) -> None:
    whole = index_view.genomes(limit=MOST).items
    pages = [index_view.genomes(offset=at, limit=7) for at in range(0, 70, 7)]
    assert tuple(one for page in pages for one in page.items) == whole
    assert [page.offset for page in pages] == list(range(0, 70, 7))
    assert {page.total for page in pages} == {60}
    assert (
        pages[-1].items
        == index_view.genomes(offset=60).items
        == index_view.genomes(offset=10**30).items
        == ()
    )
    assert len(index_view.genomes().items) == 50


@pytest.mark.parametrize(("offset", "limit"), [(-1, 5), (0, 0), (0, -3), (0, MOST + 1)])
def test_a_page_has_bounds(index_view: IndexView, offset: int, limit: int) -> None:
    with pytest.raises(UsageError, match=r"(give 0 or more|between 1 and 1,000; give a number in between)$"):
        index_view.genomes(offset=offset, limit=limit)
    with pytest.raises(UsageError, match=str(offset or limit)):
        index_view.species_list(offset=offset, limit=limit)


def test_unknown_ranks_and_names_are_refused(index_view: IndexView) -> None:
    with pytest.raises(UsageError, match="rank or label 'colour'; known are: superkingdom, .*species, hab"):
        index_view.genomes(rank="colour", name="red")
    with pytest.raises(UsageError, match="^rank 'genus' without a name"):
        index_view.genomes(rank="genus")
    with pytest.raises(UsageError, match="^name 'Demobacter' without a rank"):
        index_view.genomes(rank="", name="Demobacter")
    assert index_view.genomes(rank="", name="").total == 60  # an empty form sends empty values
    with pytest.raises(Problem) as raised:
        index_view.genomes(rank="genus", name="Demobakter")
    assert raised.value.status == 404
    assert (
        raised.value.detail
        == "no genome of this index has the genus 'Demobakter'; did you mean 'Demobacter'?"
    )


def test_the_nearest_genomes_of_a_genome(index_view: IndexView, demo_index: Path) -> None:
    index = Index.open(demo_index)
    for entry in index.catalog.entries()[::7]:
        found, hits = index_view.genome(entry.id), neighbour_hits(index, np.array([entry.row]))
        expected = [
            (
                index.entry(row).id, index.entry(row).lineage.name("species"),
                rounded(hits.similarity[0, at], 4), rounded(hits.kmer_identity[0, at], 4),
                rounded(hits.ani[0, at], 2), rounded(hits.af_query[0, at], 1),
                rounded(hits.af_reference[0, at], 1),
            )
            for at, row in enumerate(hits.rows[0, :NEAREST].tolist())
        ]  # fmt: skip
        assert [tuple(asdict(one).values()) for one in found.nearest] == expected
        assert len(found.nearest) == NEAREST
        assert found.nearest[0].ani
        assert found.warnings == ()


def test_missing_values_are_none() -> None:
    values = np.array([0.51237, KMER_FLOOR, np.nan, 50.06, np.nan], np.float32)
    assert measured(values) == (0.5124, 0.6, None, 50.1, None)


def test_a_record_agrees_with_its_file(index_view: IndexView, demo: Path) -> None:
    found = index_view.genome("DEMO_0017")
    assert found.source == "DEMO_0017.fa.gz"
    with gzip.open(demo / "genomes" / found.source, "rt") as lines:
        bases = "".join(line.strip() for line in lines if not line.startswith(">")).upper()
    assert found.length_bp == len(bases)
    known = sum(map(bases.count, "ACGT"))
    assert found.gc == round((bases.count("G") + bases.count("C")) / known, 4)
    assert (found.species, found.labels["habitat"]) == ("Specimenella levis", "rhizosphere")


def test_unknown_genomes(index_view: IndexView) -> None:
    with pytest.raises(Problem) as raised:
        index_view.genome("demo-0017")
    assert (raised.value.status, raised.value.slug) == (404, "not-found")
    assert raised.value.detail == "no genome of this index has the id 'demo-0017'; did you mean 'DEMO_0017'?"
    with pytest.raises(Problem, match=r"'Z{100}'; /v1/genomes lists them"):
        index_view.genome("Z" * 10_000)


@pytest.mark.long
def test_suspects_have_warnings(demo: Path, tmp_path: Path) -> None:
    planted = plant(read_all(demo / "genomes", demo / "taxonomy.tsv"), 1, 1, 1)
    index = built(planted.genomes, tmp_path / "index")
    index_view, stored = IndexView.open(tmp_path / "index"), index.catalog.suspects()
    assert {one.kind for one in stored or ()} >= {"label", "mixture"}
    for genome in planted.genomes:
        warnings = index_view.genome(genome.id).warnings
        expected = [(one.kind, one.evidence, one.witness) for one in stored or () if one.id == genome.id]
        assert [(one.kind, one.text, one.genome) for one in warnings] == expected


# -- species -------------------------------------------------------------------------------------------------


def test_species_are_those_of_the_listing(index_view: IndexView, rows: list[dict[str, str]]) -> None:
    names = sorted({row["species"] for row in rows})
    page = index_view.species_list(limit=MOST)
    assert (page.total, [one.name for one in page.items]) == (len(names), names)
    for one in page.items:
        members = [row for row in rows if row["species"] == one.name]
        assert (one.genus, one.genomes) == (members[0]["genus"], len(members))
        found = index_view.species(one.name)
        assert (found.name, found.genus, found.genomes) == (one.name, one.genus, one.genomes)
        expected = [(row["genome_id"], int(row["length_bp"])) for row in members]
        assert [(member.id, member.length_bp) for member in found.members] == expected
        assert found.lineage == {rank: members[0][rank] for rank in RANKS if members[0][rank]}
        assert found.is_called
    some = index_view.species_list("MUT", 0, 1)
    assert [one.name for one in some.items] == [name for name in names if "mut" in name][:1]
    assert some.total == sum("mut" in name for name in names) > 0


def test_diversity_of_a_species(index_view: IndexView, demo_index: Path) -> None:
    index = Index.open(demo_index)
    pairs, by_row = index.pairs(), {entry.row: entry for entry in index.catalog.entries()}
    known: dict[str, list[tuple[float, set[str]]]] = {}
    for a, b, ani in zip(*map(np.ndarray.tolist, rows_of(pairs.keys)), pairs.values[:, 0], strict=True):
        one, other = by_row[a].lineage.name("species"), by_row[b].lineage.name("species")
        if one == other:
            known.setdefault(str(one), []).append((float(ani), {by_row[a].id, by_row[b].id}))
    assert len(known) > 5
    for name in (one.name for one in index_view.species_list(limit=MOST).items):
        diversity, compared = index_view.species(name).diversity, known.get(name, [])
        measured = [pair for pair in compared if not np.isnan(pair[0])]
        assert (diversity.pairs, diversity.pairs_without_ani) == (
            len(compared),
            len(compared) - len(measured),
        )
        lowest = min(measured, key=lambda pair: pair[0], default=(None, set()))
        assert diversity.lowest_ani == (None if lowest[0] is None else round(lowest[0], 2))
        assert set(diversity.genomes) == lowest[1]


def test_nearest_species(index_view: IndexView, demo_index: Path) -> None:
    index = Index.open(demo_index)
    entries = index.catalog.entries()
    hits = neighbour_hits(index, np.array([entry.row for entry in entries]))
    best: dict[tuple[str, str], tuple[tuple[float, float], tuple[str, str]]] = {}
    for at, entry in enumerate(entries):
        for to, row in enumerate(hits.rows[at].tolist()):
            ends, near = [entry, index.entry(row)], (hits.ani[at, to], hits.similarity[at, to])
            names = [str(end.lineage.name("species")) for end in ends]
            ani = -1.0 if np.isnan(near[0]) else float(near[0])
            score = float(near[1] + KMER_WEIGHT * (hits.kmer_identity[at, to] - KMER_FLOOR))
            for own, other in ((0, 1), (1, 0)):
                key, found = (names[own], names[other]), ((ani, score), (ends[own].id, ends[other].id))
                if names[0] != names[1] and best.get(key, ((-2.0, 0.0), ("", "")))[0] < found[0]:
                    best[key] = found
    for name in {name for name, _ in best}:
        expected = sorted(
            ((near, ids, other) for (own, other), (near, ids) in best.items() if own == name), reverse=True
        )[:NEAREST]
        found = index_view.species(name).neighbours
        assert [(one.name, one.genome, one.reference) for one in found] == [(c, *b) for _, b, c in expected]
        assert [one.ani for one in found] == [None if a[0] < 0 else round(a[0], 2) for a, *_ in expected]


def test_a_species_with_hits_of_its_own_only_has_neighbours() -> None:
    """Rows 0 to 2 are of species 0, row 3 is of species 1, row 4 of none."""
    rows = np.array([[1, 2], [2, 0], [1, 4], [1, 0], [3, 2]])
    shares = np.arange(10, dtype=np.float32).reshape(5, 2)
    ani = np.array([[99, 99], [99, 99], [99, 90], [85, np.nan], [90, 90]], np.float32)
    hits = Hits(rows, shares / 10, np.full((5, 2), 0.7, np.float32), ani, 50 + shares, 80 + shares)
    codes = np.array([0, 0, 0, 1, UNKNOWN])
    found = nearest_species(between_species(np.arange(5), hits, codes), codes)
    assert (found.query.tolist(), found.reference.tolist()) == ([1, 3], [3, 1])
    there, back = ([round(one, 2) for one in values] for values in found.values.tolist())
    assert back == [0.6, 0.7, 85, 56, 86]  # row 3 and its first hit, from row 3
    assert there == [0.6, 0.7, 85, 86, 56]


def test_pairs_of_species_are_symmetric(index_view: IndexView) -> None:
    seen = 0
    for name in (one.name for one in index_view.species_list().items):
        for near in index_view.species(name).neighbours:
            for back in index_view.species(near.name).neighbours:
                if back.name == name and (back.genome, back.reference) == (near.reference, near.genome):
                    assert (back.ani, back.af_query, back.af_reference) == (
                        near.ani,
                        near.af_reference,
                        near.af_query,
                    )
                    seen += near.ani is not None and near.af_query != near.af_reference
    assert seen > 5


def test_unknown_species(index_view: IndexView) -> None:
    with pytest.raises(Problem, match="is called 'demobacter ficta'; did you mean 'Demobacter fictus'?"):
        index_view.species("demobacter ficta")
    with pytest.raises(Problem, match=r"'Q'; /v1/species lists them"):
        index_view.species("Q")


def middle(index: Index, level: str, row: int) -> float:
    """The threshold of a level: between the distances within and between species, as in thresholds.py."""
    model = index.model
    codes = model.molecules if level == "molecule" else model.levels[level].codes
    within_species, between_species_ = (
        values[(codes == codes[row]) & ~np.isnan(values)]
        for values in (model.species_neighbours.same, model.species_neighbours.other)
    )
    within = float(np.quantile(within_species, 0.05))
    beyond = float(np.quantile(between_species_, 0.95)) if len(between_species_) else 80.0
    return (within + beyond) / 2 if within > beyond else beyond


def test_a_threshold_is_the_mean_of_its_contributions(index_view: IndexView, demo_index: Path) -> None:
    index = Index.open(demo_index)
    levels = set()
    for entry in index.catalog.entries():
        threshold = index_view.genome(entry.id).threshold
        assert threshold is not None
        assert threshold.ani == round(index.model.thresholds.required(entry.row), 2)
        parts = {one.level: one for one in threshold.contributions}
        mean = parts["prior"].share * threshold.prior_ani
        mean += sum(
            one.share * middle(index, level, entry.row) for level, one in parts.items() if level != "prior"
        )
        low, high = RANGE["prokaryote"]
        assert threshold.ani == pytest.approx(min(max(mean, low), high), abs=0.03)
        assert threshold.is_at_limit == (index.model.thresholds.required(entry.row) in (low, high))
        assert threshold.is_at_limit == ("No threshold for kind prokaryote is" in threshold.text)
        assert sum(one.share for one in threshold.contributions) == pytest.approx(1, abs=1e-3)
        own = parts.get("species")
        if own is not None:
            assert own.share == pytest.approx(own.genomes / (PRIOR_WEIGHT + own.genomes), abs=1e-4)
            assert re.search(
                rf", learned from {own.genomes} genomes of the species \(\d+ %\)", threshold.text
            )
        levels |= set(parts)
        prior = PRIORS["prokaryote"]
        assert (threshold.af, threshold.margin, threshold.prior_ani) == (prior.af, prior.margin, prior.ani)
        assert index_view.species(str(entry.lineage.name("species"))).threshold == threshold
    assert levels == {"species", "genus", "family", "molecule", "prior"}


def test_without_measurements_the_threshold_is_the_prior(poor: IndexView) -> None:
    threshold = poor.species("Demobacter fictus").threshold
    assert threshold is not None
    assert (threshold.molecule, threshold.ani, threshold.prior_ani) == ("other", 95.0, 95)
    assert [(one.level, one.share) for one in threshold.contributions] == [("prior", 1.0)]
    assert threshold.text.startswith("95 % ANI, the prior: no genomes here")
    assert poor.species("Demobacter fictus").diversity.pairs == 0


def test_uncallable_names(poor: IndexView) -> None:
    assert [one.name for one in poor.species_list().items] == ["Demobacter fictus", "Specimenella sp. 7"]
    one = poor.species("Specimenella sp. 7")
    assert (one.is_called, one.threshold, one.genus, one.genomes) == (False, None, None, 1)
    assert poor.species("Demobacter fictus").is_called
    unnamed = poor.genome("DEMO_0017")
    assert (unnamed.species, unnamed.lineage, unnamed.threshold) == (None, {}, None)
    assert {one.species for one in unnamed.nearest} == {"Demobacter fictus", "Specimenella sp. 7"}


def test_an_index_without_names(demo: Path, tmp_path: Path) -> None:
    build_index([demo / "genomes" / "DEMO_0001.fa.gz"], tmp_path / "index")
    index_view = IndexView.open(tmp_path / "index")
    assert (index_view.species_list().total, index_view.genomes("demo").total) == (0, 1)
    assert (index_view.genome("DEMO_0001").nearest, index_view.provenance().ranks) == ((), {})
    with pytest.raises(Problem, match="'Hyla'; /v1/species lists them"):
        index_view.species("Hyla")
    with pytest.raises(UsageError, match="known are: none"):
        index_view.genomes(rank="genus", name="Hyla")


def test_similar_names_are_suggested() -> None:
    draw = np.random.default_rng(5)
    characters = draw.choice(list("abcdefghijklmnopqrstuvwxyz"), (5_000, 9))
    known = ["".join(word).capitalize() for word in characters]
    names = Names(known)
    for name in known[::250]:
        for unknown in (name[:-1], name[1:], name.upper(), name[:4] + name[5:]):
            assert names.missing("no", unknown, "look").detail == f"no {unknown!r}; did you mean {name!r}?"
    assert names.missing("no", "0123456789", "look").detail == "no '0123456789'; look"
    assert names.missing("no", "0" * 500, "look").detail == f"no {'0' * LONGEST!r}; look"


# -- all of the index ----------------------------------------------------------------------------------------


def test_provenance_equals_gindex_info(index_view: IndexView, demo_index: Path) -> None:
    index, found = Index.open(demo_index), asdict(index_view.provenance())
    info = describe(index)
    assert info.pop("path") == str(demo_index)
    calibration = info.pop("calibration")
    assert (found.pop("mixture"), found.pop("calibration")) == (calibration["mixture"], calibration["levels"])
    assert found.pop("name") == demo_index.name
    assert found.pop("gindex_version") == metadata.version("gindex")
    assert found.pop("inputs") == 60
    info["history"] = tuple(info["history"])
    assert found == {**info, "model": None}


def test_no_answer_has_a_path_of_the_server(
    demo: Path, own_index: Path, demo_index: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "secret place, here" / "others"
    shutil.copytree(demo_index, folder)
    merge(own_index, [folder, demo_index], ChangeSettings())
    index = Index.open(own_index)
    spec = replace(index.spec, model=f"{tmp_path}/models/DNA-net")  # as in an index with a language model
    index.snapshot = replace(index.snapshot, spec=spec)
    index_view = IndexView(index)
    index_view.map(map_of(index_view.index, "pca"))
    text = json.dumps(list(every_result(index_view)), allow_nan=False)
    assert "DEMO_0060" in text
    assert "DEMO_0060.fa.gz" in text
    for place in (own_index.parent, folder.parent, demo_index.parent, demo, Path.home()):
        assert str(place) not in text
        assert place.name == "data" or place.name not in text
    assert not re.search(r"[\"\s]/(?!v1)", text)
    assert index_view.provenance().model == "DNA-net"
    assert index_view.provenance().history[-1].action == "merge here/others, index".replace(
        "here/", "secret place, "
    )


def test_answers_are_plain_values(index_view: IndexView, demo_index: Path) -> None:
    index_view.map(map_of(index_view.index, "pca"))

    def look(value: object) -> None:
        assert type(value) in (str, int, float, bool, type(None), list, tuple, dict), type(value)
        if isinstance(value, dict):
            assert all(type(key) is str for key in value)
            value = list(value.values())
        if isinstance(value, list | tuple):
            for one in value:
                look(one)

    for answer in every_result(index_view):
        look(answer)


def test_answers_are_models_of_the_api(index_view: IndexView) -> None:
    pydantic = pytest.importorskip("pydantic", reason="needs the extra serve")
    answers = (
        index_view.genomes(), index_view.genome("DEMO_0001"), index_view.species_list(),
        index_view.species("Demobacter fictus"), index_view.provenance(),
    )  # fmt: skip
    for answer in answers:
        plain = pydantic.TypeAdapter(type(answer)).dump_python(answer, mode="json", warnings="error")
        assert plain == json.loads(json.dumps(asdict(answer)))


@pytest.mark.long
def test_views_are_safe_in_threads_and_read_no_file(demo_index: Path) -> None:
    map_of(Index.open(demo_index), "pca")  # stored in the index, whose size includes it
    index_view = IndexView.open(demo_index)
    index_view.map(map_of(index_view.index, "pca"))
    expected = json.dumps(list(every_result(index_view)))
    fresh = IndexView.open(demo_index)
    fresh.map(map_of(fresh.index, "pca"))
    fresh.index.catalog.close()
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: json.dumps(list(every_result(fresh))), range(16)):
            assert found == expected


# -- the map -------------------------------------------------------------------------------------------------


def test_the_map_equals_that_of_the_report(demo_index: Path) -> None:
    index_view = IndexView.open(demo_index)
    assert index_view.map() is None
    assert index_view.place({"verdict": "species", "hits": [{"id": "DEMO_0001", "similarity": 1.0}]}) is None
    found = map_of(index_view.index, "pca")
    drawn, expected = index_view.map(found), map_block(index_view.index, found).data
    assert drawn is not None
    assert {**drawn, "levels": {}} == {**expected, "levels": {}}
    assert drawn["levels"] == {name: expected["levels"][name] for name in (*RANKS[:-1], "habitat")}
    assert drawn["level"] in drawn["levels"]
    assert index_view.map() is index_view.map(found) is drawn  # made once
    other = replace(found, rows=found.rows[1:], xy=found.xy[1:])
    assert index_view.map(other) is drawn  # of another snapshot


def test_place_of_a_query(index_view: IndexView, demo: Path) -> None:
    index = index_view.index
    found = map_of(index, "pca")
    index_view.map(found)
    files = [demo / "genomes" / f"DEMO_{number:04}.fa.gz" for number in (3, 40)]
    at = {entry.id: position for position, entry in enumerate(index.catalog.entries())}
    for call in query_index(index, files):
        document = json.loads(json.dumps(call_json(call, provenance(index))))
        weights = np.array([max(hit.similarity, 0) ** 4 + 1e-6 for hit in call.hits])
        places = np.array([found.xy[at[hit.id]] for hit in call.hits])
        expected = (places * weights[:, None]).sum(axis=0) / weights.sum()
        assert index_view.place(document) == pytest.approx(expected, abs=2e-3)
        gone = [{"id": "gone", "similarity": 1.0}]
        assert index_view.place({**document, "hits": [*document["hits"], *gone]}) == index_view.place(
            document
        )
        for nothing in ({"hits": []}, {"hits": gone}, *({"verdict": one} for one in ("failed", "qc_fail"))):
            assert index_view.place({**document, **nothing}) is None
        assert index_view.place({**document, "verdict": "out_of_scope"}) is None
    assert place_of(found, {"a": 0, "b": 1}, "novel", [("a", -0.5), ("b", -0.9)]) == pytest.approx(
        found.xy[:2].mean(axis=0), abs=1e-3
    )


# -- current snapshot ----------------------------------------------------------------------------------------


def test_a_view_knows_whether_it_is_current(own_index: Path) -> None:
    first = IndexView.open(own_index)
    assert first.is_current()
    remove(own_index, ["DEMO_0015"], ChangeSettings())
    second = IndexView.open(own_index)
    assert (first.is_current(), second.is_current()) == (False, True)
    assert (first.genomes().total, second.genomes().total) == (6, 5)
    with pytest.raises(Problem):
        second.species("Specimenella ficta")
    near = [one for name in second.species_list().items for one in second.species(name.name).neighbours]
    assert "Specimenella ficta" in {one.name for one in first.species("Demobacter fictus").neighbours}
    assert near
    assert "Specimenella ficta" not in {one.name for one in near}
    undo(own_index)
    assert (first.is_current(), second.is_current()) == (True, False)
    assert first.genome("DEMO_0015").species == "Specimenella ficta"


def test_a_rebuilt_index_is_another_snapshot(own_index: Path, small_index: Path) -> None:
    index_view = IndexView.open(own_index)
    shutil.rmtree(own_index)
    assert not index_view.is_current()
    shutil.copytree(small_index, own_index)
    (own_index / "snapshots" / "000001" / "manifest.json").touch()  # the clock may be coarse
    assert not index_view.is_current()
    assert IndexView.open(own_index).is_current()
    (own_index / "CURRENT").write_text("nonsense")
    with pytest.raises(UnusableIndex, match="nonsense"):
        index_view.is_current()
