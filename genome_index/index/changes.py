"""Changes to an index: build, add, remove, relabel, merge, refit. Each ends in one new snapshot, or none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genome_index.errors import UsageError
from genome_index.index.audit.suspects import earlier_of, find_suspects, suspects_after
from genome_index.index.calibration.features import Surroundings, score
from genome_index.index.calibration.fit import fit_model, measured_fellows, project
from genome_index.index.calibration.model import CANDIDATES, Model
from genome_index.index.calibration.pairwise import Comparer
from genome_index.index.contents import Contents
from genome_index.index.index import Index, commit, references_of, writing
from genome_index.index.ingest import Intake, Kept, ingest
from genome_index.index.snapshots import current_snapshot
from genome_index.index.store.pair_table import PairTable, keys_of, rows_of
from genome_index.index.store.segments import copy_segment
from genome_index.index.vectors.exact_search import nearest
from genome_index.io.atomic import disk_errors
from genome_index.io.reader import Failure
from genome_index.records import Entry, Genome, Lineage, Progress, Taxon, counted, quiet
from genome_index.spec import POOLS, IndexSpec
from genome_index.taxonomy.levels import levels_of
from genome_index.taxonomy.tables import Taxonomy, molecule_of

Rows = npt.NDArray[np.int64]
Seen = Callable[[Intake], None]


@dataclass(frozen=True)
class Work:
    """How a change is carried out, apart from what it does."""

    threads: int = 1
    wait_s: float = 60.0  # for another writer
    seen: Seen = lambda intake: None  # called after every input
    progress: Progress = quiet
    model: str = ""  # where the index's language model lies now, if it has moved


@dataclass(frozen=True)
class Summary:
    """What a change did."""

    index: Index
    added: int = 0
    resumed: int = 0  # of those added, taken over from an unfinished run
    unchanged: int = 0  # offered again just as they are
    removed: int = 0
    relabelled: int = 0
    base_pairs: int = 0
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    share_read: float = 1.0  # by the encoder, of the base pairs added


def build(
    path: Path, genomes: Iterable[Genome | Failure], spec: IndexSpec, taxonomy: Taxonomy | None, work: Work
) -> Summary:
    """A new index, or a new content for the one that is there; `undo` brings the old content back."""
    with writing(path, work.wait_s, new=True):
        intake = ingest(genomes, spec, path, {}, work.threads, work.seen, work.progress)
        entries, warnings = label(intake.kept, taxonomy, 0)
        if not entries:
            raise UsageError(_nothing(path, intake))
        contents = _fitted(path, spec, entries, PairTable(3), work)
        suspects = find_suspects(contents, threads=work.threads, progress=work.progress)
        release = taxonomy.release if taxonomy else ""
        index = commit(path, contents, suspects, [], _rows(intake.failures), release, 0, "build")
        return Summary(
            index, len(entries), intake.resumed, 0, 0, 0, intake.base_pairs, tuple(intake.failures), warnings,
            _share_read(index, entries),
        )  # fmt: skip


def add(path: Path, genomes: Iterable[Genome | Failure], taxonomy: Taxonomy | None, work: Work) -> Summary:
    """More genomes, with the projection and calibration as they are; `check` says when to refit."""
    with writing(path, work.wait_s):
        index = Index.open(path, work.model)
        old = index.catalog.entries()
        intake = ingest(
            genomes,
            index.spec,
            path,
            {entry.id: entry.sha256 for entry in old},
            work.threads,
            work.seen,
            work.progress,
        )
        new, warnings = label(intake.kept, taxonomy, len(index.model.live), intake.passed)
        if new:
            index = _extend(index, old, new, taxonomy, intake, work)
        return Summary(
            index,
            len(new),
            intake.resumed,
            intake.unchanged,
            0,
            0,
            intake.base_pairs,
            tuple(intake.failures),
            warnings,
            _share_read(index, new),
        )


def _share_read(index: Index, entries: Sequence[Entry]) -> float:
    return index.references.share_read([entry.row for entry in entries])


def remove(path: Path, ids: Sequence[str], work: Work) -> Summary:
    """Take genomes out. Their vectors stay in the file, filtered, until `refit`; nothing else finds them."""
    with writing(path, work.wait_s):
        index = Index.open(path)
        found = index.catalog.find(ids)
        missing = [genome_id for genome_id in ids if genome_id not in found]
        if missing:
            raise UsageError(
                f"{path}: no genome has the id {missing[0]!r}{_more(missing)}; "
                "`gindex list` shows the ids. Nothing was removed"
            )
        gone = {entry.row for entry in found.values()}
        entries = [entry for entry in index.catalog.entries() if entry.row not in gone]
        if not entries:
            raise UsageError(
                f"{path}: that would remove every genome; delete the folder instead. Nothing was removed"
            )
        model = index.model
        live = model.live.copy()
        live[sorted(gone)] = False
        pairs = index.pairs().among(live)
        model = _relearn(replace(model, live=live), entries, pairs)
        action = f"remove {', '.join(sorted(found)[:5])}{_more(sorted(found)[4:])}"
        done = _commit(index, _with(index, model, pairs, entries), [], work, len(gone), action)
        return Summary(done, removed=len(gone))


def relabel(path: Path, taxonomy: Taxonomy, work: Work) -> Summary:
    """New names and labels for the genomes that the taxonomy knows; the others keep theirs."""
    with writing(path, work.wait_s):
        index = Index.open(path)
        entries, changed = index.catalog.entries(), []
        for at, entry in enumerate(entries):
            taxon = taxonomy.find(entry.id)
            if taxon is not None and taxon != entry.taxon:
                entries[at] = replace(entry, taxon=taxon, molecule=molecule_of(taxon, entry.length_bp))
                changed.append(entry.row)
        unused = len(taxonomy.taxa) - sum(taxonomy.find(entry.id) is not None for entry in entries)
        warnings = (
            *taxonomy.warnings,
            *([_unused(unused, taxonomy) + "of the index"] if unused > 0 else []),
        )
        if not changed:
            return Summary(index, warnings=warnings)
        pairs = index.pairs()
        contents = _with(index, _relearn(index.model, entries, pairs), pairs, entries)
        done = _commit(index, contents, changed, work, len(changed), "relabel", taxonomy.release)
        return Summary(done, relabelled=len(changed), warnings=warnings)


def refit(path: Path, work: Work) -> Summary:
    """Fit projection and calibration again on the genomes there are; rows of removed genomes go."""
    with writing(path, work.wait_s):
        index = Index.open(path)
        return fit_again(index, index.spec, work, "refit")


def fit_again(index: Index, spec: IndexSpec, work: Work, action: str) -> Summary:
    """A snapshot of the same genomes with these settings; the caller holds the lock."""
    old = index.catalog.entries()
    entries = [replace(entry, row=row) for row, entry in enumerate(old)]
    pairs = _moved(index.pairs(), old, len(index.model.live))
    contents = _fitted(index.path, spec, entries, pairs, work)
    suspects = suspects_after(index, contents, contents.rows, work.threads, work.progress)
    done = commit(
        index.path, contents, suspects, index.catalog.events(), index.catalog.failures(),
        index.snapshot.taxonomy, 0, action,
    )  # fmt: skip
    return Summary(done)


def merge(path: Path, others: Sequence[Path], work: Work) -> Summary:
    """Take in the genomes of other indexes with the same settings, and fit again; no FASTA is read.

    Two large genomes of different indexes get an ANI only where one of them keeps its sequence.
    """
    with writing(path, work.wait_s, new=True):
        index = Index.open(path) if current_snapshot(path) is not None else None
        opened = [*([index] if index else []), *(Index.open(other) for other in others)]
        spec = opened[0].spec
        for other in opened[1:]:
            spec.require(other.spec, str(other.path))
        union = _Union()
        for other in opened:
            union.take(other, path)
        contents = _fitted(path, spec, union.entries, union.pairs, work)
        earlier = [one for other in opened for one in earlier_of(other, contents)]
        suspects = find_suspects(contents, None, earlier, work.threads, work.progress)
        release = ", ".join(
            dict.fromkeys(other.snapshot.taxonomy for other in opened if other.snapshot.taxonomy)
        )
        events = index.catalog.events() if index else []
        done = commit(
            path, contents, suspects, events, _rows(union.failures), release, 0,
            f"merge {', '.join(str(other) for other in others)}",
        )  # fmt: skip
        new = union.entries[index.snapshot.genomes if index else 0 :]  # its own come first
        base_pairs = sum(entry.length_bp for entry in new)
        return Summary(done, len(new), 0, union.unchanged, 0, 0, base_pairs, tuple(union.failures))


class _Union:
    """Genomes of several indexes, numbered anew, and the pairs measured in each."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.pairs = PairTable(3)
        self.failures: list[Failure] = []
        self.unchanged = 0
        self._digests: dict[str, str] = {}

    def take(self, index: Index, root: Path) -> None:
        place = np.full(len(index.model.live), -1, np.int64)
        for entry in index.catalog.entries():
            digest = self._digests.setdefault(entry.id, entry.sha256)
            if digest != entry.sha256:
                reason = (
                    f"the id {entry.id!r} is in {index.path} and in an index before it, "
                    "with another sequence; rename one of the two"
                )
                self.failures.append(Failure(entry.id, str(index.path), reason))
            elif len(self._digests) == len(self.entries):
                self.unchanged += 1
            else:
                place[entry.row] = len(self.entries)
                self.entries.append(replace(entry, row=len(self.entries)))
        for name in sorted(index.catalog.segments()):
            copy_segment(index.path / "segments" / name, root / "segments" / name)
        if (index.path / POOLS).is_dir() and index.path != root:
            with disk_errors(root):
                shutil.copytree(index.path / POOLS, root / POOLS, dirs_exist_ok=True)
        a, b = rows_of(index.pairs().keys)
        kept = (place[a] >= 0) & (place[b] >= 0)
        self.pairs.add(keys_of(place[a[kept]], place[b[kept]]), index.pairs().values[kept])


def label(
    kept: Sequence[Kept], taxonomy: Taxonomy | None, first_row: int, passed: Sequence[str] = ()
) -> tuple[list[Entry], tuple[str, ...]]:
    """Catalogue entries for genomes: the taxonomy's word counts, else what the genome's own file said.

    `passed` were read as well, but need no entry.
    """
    entries, unlabelled = [], []
    for row, one in enumerate(kept, first_row):
        said = taxonomy.find(one.id) if taxonomy else None
        taxon = said if said is not None else Taxon(Lineage(one.names), one.labels)
        if said is None and not one.names:
            unlabelled.append(one.id)
        molecule = molecule_of(taxon, one.length_bp)
        entries.append(
            Entry(
                row,
                one.id,
                one.segment,
                one.segment_row,
                one.length_bp,
                one.contigs,
                molecule,
                one.sha256,
                one.source,
                taxon,
            )
        )
    return entries, tuple(_label_warnings(entries, unlabelled, taxonomy, passed))


def _label_warnings(
    entries: Sequence[Entry], unlabelled: Sequence[str], taxonomy: Taxonomy | None, passed: Sequence[str]
) -> Iterable[str]:
    if unlabelled:
        yield (
            f"{counted(len(unlabelled))} without taxonomy, which cannot name a query: "
            f"{unlabelled[0]}{_more(unlabelled)}"
        )
    if taxonomy:
        yield from taxonomy.warnings
        known = {taxonomy.key(genome_id) for genome_id in (*(entry.id for entry in entries), *passed)}
        unused = [genome_id for genome_id in taxonomy.taxa if genome_id not in known]
        if unused:
            yield f"{_unused(len(unused), taxonomy)}that was read: {unused[0]}{_more(unused)}"
    yield from _same_sequence_warnings(entries)


def _unused(labels: int, taxonomy: Taxonomy) -> str:
    name = "names" if labels == 1 else "name"
    return f"{counted(labels, 'label')} of {taxonomy.release} {name} no genome "


def _same_sequence_warnings(entries: Sequence[Entry]) -> Iterable[str]:
    first: dict[str, Entry] = {}
    for entry in entries:
        twin = first.setdefault(entry.sha256, entry)
        if twin is not entry:
            names = (twin.lineage.name("species"), entry.lineage.name("species"))
            conflict = f", under two species: {names[0]} and {names[1]}" if names[0] != names[1] else ""
            yield f"{twin.id} and {entry.id} are the same sequence{conflict}"


def _more(items: Sequence[str]) -> str:
    return f" and {len(items) - 1:,} more" if len(items) > 1 else ""


def _fitted(path: Path, spec: IndexSpec, entries: Sequence[Entry], pairs: PairTable, work: Work) -> Contents:
    """These genomes with all that is learned from them; `pairs` have been measured before."""
    comparer = Comparer(references_of(path, spec, entries), work.threads, pairs)
    levels = levels_of([entry.taxon for entry in entries])
    molecules = np.array([entry.molecule for entry in entries])
    model = fit_model(comparer, np.arange(len(entries)), levels, molecules, work.progress)
    comparer.references.let_go()
    return Contents(spec, model, comparer.references, comparer.ani, {entry.row: entry for entry in entries})


def _with(index: Index, model: Model, pairs: PairTable, entries: Sequence[Entry]) -> Contents:
    """What an index holds, some of it changed."""
    return Contents(index.spec, model, index.references, pairs, {entry.row: entry for entry in entries})


def _relearn(model: Model, entries: Sequence[Entry], pairs: PairTable) -> Model:
    """Levels and thresholds from the catalogue's present names; rows that are not live have none."""
    taxa = [Taxon()] * len(model.live)
    molecules = np.full(len(model.live), "other", dtype="U16")
    for entry in entries:
        taxa[entry.row], molecules[entry.row] = entry.taxon, entry.molecule
    levels = levels_of(taxa)
    fellows = measured_fellows(pairs, np.arange(len(taxa)), levels)
    calibrators = {name: one for name, one in model.calibrators.items() if name in levels}
    return replace(model, levels=levels, molecules=molecules, fellows=fellows, calibrators=calibrators)


def _extend(
    index: Index,
    old: Sequence[Entry],
    new: Sequence[Entry],
    taxonomy: Taxonomy | None,
    intake: Intake,
    work: Work,
) -> Index:
    by_row: dict[int, Entry] = {entry.row: entry for entry in (*old, *new)}
    comparer = Comparer(references_of(index.path, index.spec, by_row), work.threads, index.pairs())
    model = index.model
    rows = np.array([entry.row for entry in new])
    vectors = project(comparer.references, rows, model.projection, work.progress)
    everything = np.concatenate([model.vectors.rows(), vectors])
    dead = np.flatnonzero(~model.live)
    similarity, near = nearest(vectors, everything, CANDIDATES, lambda i: np.append(dead, rows[i]))
    hits = comparer.hits(rows, similarity, near)
    around = joined(
        model.around, rows, hits.rows, np.where(hits.rows >= 0, score(hits.similarity, hits.words), -np.inf)
    )
    model.vectors.add(vectors)
    model = replace(model, live=np.append(model.live, np.ones(len(rows), bool)), around=around)
    model = _relearn(model, [*old, *new], comparer.ani)
    release = taxonomy.release if taxonomy else ""
    merged = ", ".join(dict.fromkeys(name for name in (index.snapshot.taxonomy, release) if name))
    contents = Contents(index.spec, model, comparer.references, comparer.ani, by_row)
    return _commit(index, contents, rows.tolist(), work, len(new), "add", merged, _rows(intake.failures))


def joined(around: Surroundings, rows: Rows, near: Rows, scores: npt.NDArray[np.float32]) -> Surroundings:
    """Surroundings with new genomes: their own, and their place in those of the genomes they lie near to."""
    all_rows = np.concatenate([around.rows, np.full((len(rows), around.rows.shape[1]), -1, np.int32)])
    all_scores = np.concatenate([around.score, np.zeros((len(rows), around.score.shape[1]), np.float32)])
    arrivals: dict[int, list[tuple[float, int]]] = {}
    for row, line, line_scores in zip(rows.tolist(), near.tolist(), scores.tolist(), strict=True):
        for other, value in zip(line, line_scores, strict=True):
            if other >= 0:
                arrivals.setdefault(row, []).append((value, other))
                arrivals.setdefault(other, []).append((value, row))
    width = max(all_rows.shape[1], min(CANDIDATES, len(all_rows) - 1))
    all_rows = np.pad(all_rows, ((0, 0), (0, width - all_rows.shape[1])), constant_values=-1)
    all_scores = np.pad(all_scores, ((0, 0), (0, width - all_scores.shape[1])))
    for row, found in arrivals.items():
        known = {
            (float(value), int(other))
            for value, other in zip(all_scores[row], all_rows[row], strict=True)
            if other >= 0
        }
        best = sorted(
            {other: value for value, other in sorted(known | set(found))}.items(), key=lambda item: -item[1]
        )[:width]
        all_rows[row] = [other for other, _ in best] + [-1] * (width - len(best))
        all_scores[row] = [value for _, value in best] + [0.0] * (width - len(best))
    return Surroundings(all_rows, all_scores)


def _moved(pairs: PairTable, old: Sequence[Entry], rows: int) -> PairTable:
    """Pairs after rows have been numbered anew; those of removed genomes go."""
    place = np.full(rows, -1, np.int64)
    place[[entry.row for entry in old]] = np.arange(len(old))
    a, b = rows_of(pairs.keys)
    kept = (place[a] >= 0) & (place[b] >= 0)
    moved = PairTable(pairs.width)
    # The order of rows is kept, so lesser stays lesser.
    moved.add(keys_of(place[a[kept]], place[b[kept]]), pairs.values[kept])
    return moved


def _commit(
    index: Index, contents: Contents, asked: Sequence[int], work: Work, changed: int, action: str,
    taxonomy: str | None = None, failures: Sequence[tuple[str, str, str]] = (),
) -> Index:  # fmt: skip
    """A snapshot after a change of an index; `asked` are the rows it brings or renames."""
    suspects = suspects_after(index, contents, np.array(asked, np.int64), work.threads, work.progress)
    snapshot = index.snapshot
    release = snapshot.taxonomy if taxonomy is None else taxonomy
    return commit(
        index.path, contents, suspects, index.catalog.events(), failures or index.catalog.failures(), release,
        snapshot.changed + changed, action,
    )  # fmt: skip


def _rows(failures: Sequence[Failure]) -> list[tuple[str, str, str]]:
    return [(failure.id, failure.source, failure.reason) for failure in failures]


def _nothing(path: Path, intake: Intake) -> str:
    count, first = len(intake.failures), ""
    if intake.failures:
        failure = intake.failures[0]
        first = f"; the first of {count} failures: {failure.source}: {failure.reason}"
    return f"{path}: no genome could be read, so nothing was built{first}"
