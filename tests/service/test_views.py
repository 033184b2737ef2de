"""The service's view of an index: the same as the index says itself, a page at a time, and of no path."""

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
from genome_index.service.views.index_view import Library
from genome_index.service.views.name_lookup import LONGEST, MOST, Names
from genome_index.service.views.neighbours import NEAREST, between_species, measured, nearest_species
from genome_index.taxonomy.levels import UNKNOWN


@pytest.fixture(scope="module")
def library(demo_index: Path) -> Library:
    return Library.open(demo_index)


@pytest.fixture(scope="module")
def rows(demo_index: Path) -> list[dict[str, str]]:
    """The genomes as `gindex list` writes them: by row, which is by id in the demo."""
    return list(csv.DictReader(listing(Index.open(demo_index)), delimiter="\t"))


@pytest.fixture(scope="module")
def poor(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Three genomes: one of a species by itself, one of none to rely on, one without a name."""
    folder = tmp_path_factory.mktemp("poor")
    table = folder / "names.tsv"
    table.write_text("genome_id\tspecies\nDEMO_0001\tDemobacter fictus\nDEMO_0015\tSpecimenella sp. 7\n")
    files = [demo / "genomes" / f"DEMO_{number:04}.fa.gz" for number in (1, 15, 17)]
    assert build_index(files, folder / "index", table).added == 3
    return Library.open(folder / "index")


def every_result(library: Library) -> Iterator[object]:
    """All that a library can be asked, as JSON takes it."""
    page = library.genomes(limit=MOST)
    kinds = library.species_list(limit=MOST)
    answers = [page, kinds, library.provenance(), *(library.genome(one.id) for one in page.items)]
    answers += [library.species(one.name) for one in kinds.items]
    assert all(map(is_dataclass, answers))
    yield from map(asdict, answers)
    yield library.map()


def told(value: float, digits: int) -> float | None:
    return None if np.isnan(value) else round(float(value), digits)


# -- genomes -------------------------------------------------------------------------------------------------


def test_genomes_are_those_of_the_listing(library: Library, rows: list[dict[str, str]]) -> None:
    page = library.genomes(limit=MOST)
    assert page.total == len(page.items) == len(rows) == 60
    for one, row in zip(page.items, rows, strict=True):
        assert (one.id, str(one.length_bp), str(one.contigs)) == (
            row["genome_id"], row["length_bp"], row["contigs"],
        )  # fmt: skip
        assert (one.molecule, one.species) == (row["molecule"], row["species"])
        assert one.lineage == {rank: row[rank] for rank in RANKS if row[rank]}
        assert one.labels == {"kind": row["kind"], "habitat": row["habitat"]}


@pytest.mark.parametrize("wanted", ["demo_001", " SPECIMENELLA ", "ella l", "Demobacterales", "fictus", "no"])
def test_a_search_looks_in_ids_and_names(library: Library, rows: list[dict[str, str]], wanted: str) -> None:
    expected = [
        row["genome_id"]
        for row in rows
        if any(wanted.strip().lower() in row[key].lower() for key in ("genome_id", *RANKS))
    ]
    found = library.genomes(wanted, limit=MOST)
    assert [one.id for one in found.items] == expected
    assert found.total == len(expected)
    assert (wanted == "no") == (not expected)


@pytest.mark.parametrize(
    ("level", "name"), [("species", "Demobacter vacuus"), ("genus", "Specimenella"), ("habitat", "sea water")]
)
def test_a_name_at_a_rank_or_as_a_label(
    library: Library, rows: list[dict[str, str]], level: str, name: str
) -> None:
    expected = [row["genome_id"] for row in rows if row[level] == name]
    assert [one.id for one in library.genomes(rank=level, name=name).items] == expected != []
    some = library.genomes("0", level, name, 1, 1)
    assert [one.id for one in some.items] == expected[1:2]
    assert (some.total, some.offset) == (len(expected), 1)


def test_pages_make_the_whole(library: Library) -> None:
    whole = library.genomes(limit=MOST).items
    pages = [library.genomes(offset=at, limit=7) for at in range(0, 70, 7)]
    assert tuple(one for page in pages for one in page.items) == whole
    assert [page.offset for page in pages] == list(range(0, 70, 7))
    assert {page.total for page in pages} == {60}
    assert pages[-1].items == library.genomes(offset=60).items == library.genomes(offset=10**30).items == ()
    assert len(library.genomes().items) == 50


@pytest.mark.parametrize(("offset", "limit"), [(-1, 5), (0, 0), (0, -3), (0, MOST + 1)])
def test_a_page_has_bounds(library: Library, offset: int, limit: int) -> None:
    with pytest.raises(UsageError, match=r"ask for (0 or more|1 to 1,000 at a time)$"):
        library.genomes(offset=offset, limit=limit)
    with pytest.raises(UsageError, match=str(offset or limit)):
        library.species_list(offset=offset, limit=limit)


def test_what_cannot_be_asked(library: Library) -> None:
    with pytest.raises(UsageError, match="rank or label 'colour'; there are: superkingdom, .*species, hab"):
        library.genomes(rank="colour", name="red")
    with pytest.raises(UsageError, match="^rank 'genus' without a name"):
        library.genomes(rank="genus")
    with pytest.raises(UsageError, match="^name 'Demobacter' without a rank"):
        library.genomes(rank="", name="Demobacter")
    assert library.genomes(rank="", name="").total == 60  # as a form that was left empty sends it
    with pytest.raises(Problem) as raised:
        library.genomes(rank="genus", name="Demobakter")
    assert raised.value.status == 404
    assert raised.value.detail == "no genome here has the genus 'Demobakter'; did you mean 'Demobacter'?"


def test_a_genome_with_its_nearest(library: Library, demo_index: Path) -> None:
    index = Index.open(demo_index)
    for entry in index.catalog.entries()[::7]:
        found, hits = library.genome(entry.id), neighbour_hits(index, np.array([entry.row]))
        expected = [
            (
                index.entry(row).id, index.entry(row).lineage.name("species"),
                told(hits.similarity[0, at], 4), told(hits.kmer_identity[0, at], 4), told(hits.ani[0, at], 2),
                told(hits.af_query[0, at], 1), told(hits.af_reference[0, at], 1),
            )
            for at, row in enumerate(hits.rows[0, :NEAREST].tolist())
        ]  # fmt: skip
        assert [tuple(asdict(one).values()) for one in found.nearest] == expected
        assert len(found.nearest) == NEAREST
        assert found.nearest[0].ani
        assert found.suspicions == ()


def test_what_was_not_measured_is_none() -> None:
    values = np.array([0.51237, KMER_FLOOR, np.nan, 50.06, np.nan], np.float32)
    assert measured(values) == (0.5124, 0.6, None, 50.1, None)


def test_a_genome_by_its_file(library: Library, demo: Path) -> None:
    found = library.genome("DEMO_0017")
    assert found.source == "DEMO_0017.fa.gz"
    with gzip.open(demo / "genomes" / found.source, "rt") as lines:
        bases = "".join(line.strip() for line in lines if not line.startswith(">")).upper()
    assert found.length_bp == len(bases)
    known = sum(map(bases.count, "ACGT"))
    assert found.gc == round((bases.count("G") + bases.count("C")) / known, 4)
    assert (found.species, found.labels["habitat"]) == ("Specimenella levis", "rhizosphere")


def test_unknown_genomes(library: Library) -> None:
    with pytest.raises(Problem) as raised:
        library.genome("demo-0017")
    assert (raised.value.status, raised.value.slug) == (404, "not-found")
    assert raised.value.detail == "no genome here has the id 'demo-0017'; did you mean 'DEMO_0017'?"
    with pytest.raises(Problem, match=r"'Z{100}'; /v1/genomes lists them"):
        library.genome("Z" * 10_000)


def test_suspicions_are_told(demo: Path, tmp_path: Path) -> None:
    planted = plant(read_all(demo / "genomes", demo / "taxonomy.tsv"), 1, 1, 1)
    index = built(planted.genomes, tmp_path / "index")
    library, kept = Library.open(tmp_path / "index"), index.catalog.suspects()
    assert {one.kind for one in kept or ()} >= {"label", "mixture"}
    for genome in planted.genomes:
        said = library.genome(genome.id).suspicions
        expected = [(one.kind, one.evidence, one.witness) for one in kept or () if one.id == genome.id]
        assert [(one.kind, one.says, one.witness) for one in said] == expected


# -- species -------------------------------------------------------------------------------------------------


def test_species_are_those_of_the_listing(library: Library, rows: list[dict[str, str]]) -> None:
    names = sorted({row["species"] for row in rows})
    page = library.species_list(limit=MOST)
    assert (page.total, [one.name for one in page.items]) == (len(names), names)
    for one in page.items:
        members = [row for row in rows if row["species"] == one.name]
        assert (one.genus, one.genomes) == (members[0]["genus"], len(members))
        found = library.species(one.name)
        assert (found.name, found.genus, found.genomes) == (one.name, one.genus, one.genomes)
        expected = [(row["genome_id"], int(row["length_bp"])) for row in members]
        assert [(member.id, member.length_bp) for member in found.members] == expected
        assert found.lineage == {rank: members[0][rank] for rank in RANKS if members[0][rank]}
        assert found.is_called
    some = library.species_list("MUT", 0, 1)
    assert [one.name for one in some.items] == [name for name in names if "mut" in name][:1]
    assert some.total == sum("mut" in name for name in names) > 0


def test_how_wide_a_species_is(library: Library, demo_index: Path) -> None:
    index = Index.open(demo_index)
    pairs, by_row = index.pairs(), {entry.row: entry for entry in index.catalog.entries()}
    known: dict[str, list[tuple[float, set[str]]]] = {}
    for a, b, ani in zip(*map(np.ndarray.tolist, rows_of(pairs.keys)), pairs.values[:, 0], strict=True):
        one, other = by_row[a].lineage.name("species"), by_row[b].lineage.name("species")
        if one == other:
            known.setdefault(str(one), []).append((float(ani), {by_row[a].id, by_row[b].id}))
    assert len(known) > 5
    for name in (one.name for one in library.species_list(limit=MOST).items):
        width, compared = library.species(name).width, known.get(name, [])
        measured = [pair for pair in compared if not np.isnan(pair[0])]
        assert (width.pairs, width.below_range) == (len(compared), len(compared) - len(measured))
        lowest = min(measured, key=lambda pair: pair[0], default=(None, set()))
        assert width.ani == (None if lowest[0] is None else round(lowest[0], 2))
        assert set(width.between) == lowest[1]


def test_which_species_are_near(library: Library, demo_index: Path) -> None:
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
        found = library.species(name).neighbours
        assert [(one.name, one.own, one.other) for one in found] == [(c, *b) for _, b, c in expected]
        assert [one.ani for one in found] == [None if a[0] < 0 else round(a[0], 2) for a, *_ in expected]


def test_a_species_among_whose_hits_are_only_its_own_has_neighbours_too() -> None:
    """Rows 0 to 2 are of species 0, row 3 of species 1, row 4 of none."""
    rows = np.array([[1, 2], [2, 0], [1, 4], [1, 0], [3, 2]])
    shares = np.arange(10, dtype=np.float32).reshape(5, 2)
    ani = np.array([[99, 99], [99, 99], [99, 90], [85, np.nan], [90, 90]], np.float32)
    hits = Hits(rows, shares / 10, np.full((5, 2), 0.7, np.float32), ani, 50 + shares, 80 + shares)
    codes = np.array([0, 0, 0, 1, UNKNOWN])
    found = nearest_species(between_species(np.arange(5), hits, codes), codes)
    assert (found.own.tolist(), found.other.tolist()) == ([1, 3], [3, 1])
    there, back = ([round(one, 2) for one in values] for values in found.values.tolist())
    assert back == [0.6, 0.7, 85, 56, 86]  # of row 3 and its first hit, as row 3 has them
    assert there == [0.6, 0.7, 85, 86, 56]


def test_a_pair_of_species_is_the_same_from_either_end(library: Library) -> None:
    seen = 0
    for name in (one.name for one in library.species_list().items):
        for near in library.species(name).neighbours:
            for back in library.species(near.name).neighbours:
                if back.name == name and (back.own, back.other) == (near.other, near.own):
                    assert (back.ani, back.af_own, back.af_other) == (near.ani, near.af_other, near.af_own)
                    seen += near.ani is not None and near.af_own != near.af_other
    assert seen > 5


def test_unknown_species(library: Library) -> None:
    with pytest.raises(Problem, match="is called 'demobacter ficta'; did you mean 'Demobacter fictus'?"):
        library.species("demobacter ficta")
    with pytest.raises(Problem, match=r"'Q'; /v1/species lists them"):
        library.species("Q")


def middle(index: Index, level: str, row: int) -> float:
    """Half-way between how far members go and how near others come, as thresholds.py has it."""
    model = index.model
    codes = model.molecules if level == "molecule" else model.levels[level].codes
    fellow, other = (
        values[(codes == codes[row]) & ~np.isnan(values)]
        for values in (model.species_neighbours.same, model.species_neighbours.other)
    )
    within = float(np.quantile(fellow, 0.05))
    beyond = float(np.quantile(other, 0.95)) if len(other) else 80.0
    return (within + beyond) / 2 if within > beyond else beyond


def test_what_a_species_asks_for_is_what_its_voices_say(library: Library, demo_index: Path) -> None:
    index = Index.open(demo_index)
    heard = set()
    for entry in index.catalog.entries():
        asked = library.genome(entry.id).asked
        assert asked is not None
        assert asked.ani == round(index.model.thresholds.required(entry.row), 2)
        said = {one.level: one for one in asked.voices}
        mean = said["prior"].share * asked.prior_ani
        mean += sum(
            one.share * middle(index, level, entry.row) for level, one in said.items() if level != "prior"
        )
        low, high = RANGE["prokaryote"]
        assert asked.ani == pytest.approx(min(max(mean, low), high), abs=0.03)
        assert asked.is_at_limit == (index.model.thresholds.required(entry.row) in (low, high))
        assert asked.is_at_limit == ("Nothing of kind prokaryote is asked for" in asked.says)
        assert sum(one.share for one in asked.voices) == pytest.approx(1, abs=1e-3)
        own = said.get("species")
        if own is not None:
            assert own.share == pytest.approx(own.genomes / (PRIOR_WEIGHT + own.genomes), abs=1e-4)
            assert re.search(rf", from {own.genomes} genomes of the species \(\d+ %\)", asked.says)
        heard |= set(said)
        prior = PRIORS["prokaryote"]
        assert (asked.af, asked.lead, asked.prior_ani) == (prior.af, prior.margin, prior.ani)
        assert library.species(str(entry.lineage.name("species"))).asked == asked
    assert heard == {"species", "genus", "family", "molecule", "prior"}


def test_a_species_of_which_nothing_is_known_asks_for_the_prior(poor: Library) -> None:
    asked = poor.species("Demobacter fictus").asked
    assert asked is not None
    assert (asked.molecule, asked.ani, asked.prior_ani) == ("other", 95.0, 95)
    assert [(one.level, one.share) for one in asked.voices] == [("prior", 1.0)]
    assert asked.says.startswith("95 % ANI, the prior: no genomes here")
    assert poor.species("Demobacter fictus").width.pairs == 0


def test_names_that_make_no_call(poor: Library) -> None:
    assert [one.name for one in poor.species_list().items] == ["Demobacter fictus", "Specimenella sp. 7"]
    one = poor.species("Specimenella sp. 7")
    assert (one.is_called, one.asked, one.genus, one.genomes) == (False, None, None, 1)
    assert poor.species("Demobacter fictus").is_called
    unnamed = poor.genome("DEMO_0017")
    assert (unnamed.species, unnamed.lineage, unnamed.asked) == (None, {}, None)
    assert {one.species for one in unnamed.nearest} == {"Demobacter fictus", "Specimenella sp. 7"}


def test_an_index_without_names(demo: Path, tmp_path: Path) -> None:
    build_index([demo / "genomes" / "DEMO_0001.fa.gz"], tmp_path / "index")
    library = Library.open(tmp_path / "index")
    assert (library.species_list().total, library.genomes("demo").total) == (0, 1)
    assert (library.genome("DEMO_0001").nearest, library.provenance().ranks) == ((), {})
    with pytest.raises(Problem, match="'Hyla'; /v1/species lists them"):
        library.species("Hyla")
    with pytest.raises(UsageError, match="there are: none"):
        library.genomes(rank="genus", name="Hyla")


def test_the_meant_name_among_many() -> None:
    draw = np.random.default_rng(5)
    letters = draw.choice(list("abcdefghijklmnopqrstuvwxyz"), (5_000, 9))
    known = ["".join(word).capitalize() for word in letters]
    names = Names(known)
    for name in known[::250]:
        for asked in (name[:-1], name[1:], name.upper(), name[:4] + name[5:]):
            assert names.nearest(asked) == name
    assert names.nearest("0123456789") is None
    assert names.missing("no", "0" * 500, "look").detail == f"no {'0' * LONGEST!r}; look"


# -- the whole -----------------------------------------------------------------------------------------------


def test_provenance_is_what_info_says(library: Library, demo_index: Path) -> None:
    index, found = Index.open(demo_index), asdict(library.provenance())
    said = describe(index)
    assert said.pop("path") == str(demo_index)
    calibration = said.pop("calibration")
    assert (found.pop("mixture"), found.pop("calibration")) == (calibration["mixture"], calibration["levels"])
    assert found.pop("name") == demo_index.name
    assert found.pop("gindex_version") == metadata.version("gindex")
    assert found.pop("inputs") == 60
    said["history"] = tuple(said["history"])
    assert found == {**said, "model": None}


def test_nothing_says_where_the_server_keeps_its_files(
    demo: Path, own_index: Path, demo_index: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "secret place, here" / "others"
    shutil.copytree(demo_index, folder)
    merge(own_index, [folder, demo_index], ChangeSettings())
    index = Index.open(own_index)
    spec = replace(index.spec, model=f"{tmp_path}/models/DNA-net")  # as of an index with a language model
    index.snapshot = replace(index.snapshot, spec=spec)
    library = Library(index)
    library.map(map_of(library.index, "pca"))
    said = json.dumps(list(every_result(library)), allow_nan=False)
    assert "DEMO_0060" in said
    assert "DEMO_0060.fa.gz" in said
    for place in (own_index.parent, folder.parent, demo_index.parent, demo, Path.home()):
        assert str(place) not in said
        assert place.name == "data" or place.name not in said
    assert not re.search(r"[\"\s]/(?!v1)", said)
    assert library.provenance().model == "DNA-net"
    assert library.provenance().history[-1].action == "merge here/others, index".replace(
        "here/", "secret place, "
    )


def test_all_of_it_is_plain(library: Library, demo_index: Path) -> None:
    library.map(map_of(library.index, "pca"))

    def look(value: object) -> None:
        assert type(value) in (str, int, float, bool, type(None), list, tuple, dict), type(value)
        if isinstance(value, dict):
            assert all(type(key) is str for key in value)
            value = list(value.values())
        if isinstance(value, list | tuple):
            for one in value:
                look(one)

    for answer in every_result(library):
        look(answer)


def test_answers_are_models_of_the_api(library: Library) -> None:
    pydantic = pytest.importorskip("pydantic", reason="needs the extra serve")
    answers = (
        library.genomes(), library.genome("DEMO_0001"), library.species_list(),
        library.species("Demobacter fictus"), library.provenance(),
    )  # fmt: skip
    for answer in answers:
        said = pydantic.TypeAdapter(type(answer)).dump_python(answer, mode="json", warnings="error")
        assert said == json.loads(json.dumps(asdict(answer)))


def test_many_threads_may_read_and_none_asks_the_file(demo_index: Path) -> None:
    map_of(Index.open(demo_index), "pca")  # the index keeps it, and says how large it is itself
    library = Library.open(demo_index)
    library.map(map_of(library.index, "pca"))
    expected = json.dumps(list(every_result(library)))
    fresh = Library.open(demo_index)
    fresh.map(map_of(fresh.index, "pca"))
    fresh.index.catalog.close()
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: json.dumps(list(every_result(fresh))), range(16)):
            assert found == expected


# -- the map -------------------------------------------------------------------------------------------------


def test_the_map_is_that_of_the_report(demo_index: Path) -> None:
    library = Library.open(demo_index)
    assert library.map() is None
    assert library.place({"verdict": "species", "hits": [{"id": "DEMO_0001", "similarity": 1.0}]}) is None
    found = map_of(library.index, "pca")
    drawn, expected = library.map(found), map_block(library.index, found).data
    assert drawn is not None
    assert {**drawn, "levels": {}} == {**expected, "levels": {}}
    assert drawn["levels"] == {name: expected["levels"][name] for name in (*RANKS[:-1], "habitat")}
    assert drawn["level"] in drawn["levels"]
    assert library.map() is library.map(found) is drawn  # made once
    other = replace(found, rows=found.rows[1:], xy=found.xy[1:])
    assert library.map(other) is drawn  # of a snapshot that is not served


def test_where_a_query_lies(library: Library, demo: Path) -> None:
    index = library.index
    found = map_of(index, "pca")
    library.map(found)
    files = [demo / "genomes" / f"DEMO_{number:04}.fa.gz" for number in (3, 40)]
    at = {entry.id: position for position, entry in enumerate(index.catalog.entries())}
    for call in query_index(index, files):
        said = json.loads(json.dumps(call_json(call, provenance(index))))
        weights = np.array([max(hit.similarity, 0) ** 4 + 1e-6 for hit in call.hits])
        places = np.array([found.xy[at[hit.id]] for hit in call.hits])
        expected = (places * weights[:, None]).sum(axis=0) / weights.sum()
        assert library.place(said) == pytest.approx(expected, abs=2e-3)
        gone = [{"id": "gone", "similarity": 1.0}]
        assert library.place({**said, "hits": [*said["hits"], *gone]}) == library.place(said)
        for nothing in ({"hits": []}, {"hits": gone}, *({"verdict": one} for one in ("failed", "qc_fail"))):
            assert library.place({**said, **nothing}) is None
        assert library.place({**said, "verdict": "out_of_scope"}) is None
    assert place_of(found, {"a": 0, "b": 1}, "novel", [("a", -0.5), ("b", -0.9)]) == pytest.approx(
        found.xy[:2].mean(axis=0), abs=1e-3
    )


# -- which snapshot ------------------------------------------------------------------------------------------


def test_a_library_knows_when_it_is_of_yesterday(own_index: Path) -> None:
    first = Library.open(own_index)
    assert first.is_current()
    remove(own_index, ["DEMO_0015"], ChangeSettings())
    second = Library.open(own_index)
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


def test_an_index_that_was_built_anew_is_another(own_index: Path, small_index: Path) -> None:
    library = Library.open(own_index)
    shutil.rmtree(own_index)
    assert not library.is_current()
    shutil.copytree(small_index, own_index)
    (own_index / "snapshots" / "000001" / "manifest.json").touch()  # the clock may be coarse
    assert not library.is_current()
    assert Library.open(own_index).is_current()
    (own_index / "CURRENT").write_text("nonsense")
    with pytest.raises(UnusableIndex, match="nonsense"):
        library.is_current()
