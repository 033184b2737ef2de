"""Genomes and rows of a taxonomy: which row each genome has, by which rule, and what did not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from genome_index.records import Taxon, counted
from genome_index.taxonomy.lookup import Fit, Rule, Taxonomy

SHOWN = 3  # ids in a sentence


@dataclass
class Matches:
    """The row of each genome, and sentences about those that fit several, or none."""

    taxonomy: Taxonomy
    fits: dict[str, Fit] = field(default_factory=dict)  # genome id -> its row
    chosen: list[str] = field(default_factory=list)  # of several rows: 'x has 'a' (rule), not 'b' (rule)'
    undecided: list[str] = field(default_factory=list)  # several rows by the same rule
    displaced: list[str] = field(default_factory=list)  # whose row another genome fits more strictly
    shared: list[str] = field(default_factory=list)  # rows of several genomes
    other_versions: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)  # genome ids
    unused: list[str] = field(default_factory=list)  # ids of rows

    def taxon(self, genome_id: str) -> Taxon | None:
        """The taxon of a genome; None if no row is its own."""
        fit = self.fits.get(genome_id)
        return self.taxonomy.taxa[fit.key] if fit else None

    def notes(self) -> Iterator[str]:
        """How many genomes were matched by which rule, if not all ids are the same."""
        counts = Counter(fit.rule for fit in self.fits.values())
        if counts.keys() - {Rule.SAME}:
            parts = ", ".join(f"{counts[rule]:,} by {rule.text}" for rule in sorted(counts))
            yield f"{counted(len(self.fits))} found in {self.taxonomy.release}: {parts}"

    def warnings(self) -> Iterator[str]:
        """What was decided, and what could not be."""
        release = self.taxonomy.release
        for items, what in (
            (self.chosen, "several rows of {release} fit {genomes}; the strictest rule decided"),
            (self.undecided, "several rows of {release} fit {genomes} equally well, so that none was taken"),
            (
                self.displaced,
                "rows of {release} fit {genomes} less strictly than another genome, which has them",
            ),
            (self.shared, "{rows} of {release} for several genomes by the same rule"),
            (self.other_versions, "{release} has another version of {genomes}, which names none"),
        ):
            if items:
                words = {
                    "genomes": counted(len(items)),
                    "rows": counted(len(items), "row"),
                    "release": release,
                }
                yield f"{what.format(**words)}: {items[0]}{_more(items, 1)}"

    def misfits(self) -> Iterator[str]:
        """The first genomes without a row beside the first rows without a genome, if there are both."""
        if self.unmatched and self.unused:
            ids = f"genomes {_ids(self.unmatched)}; rows {_ids(self.unused)}"
            yield f"the first that do not fit in {self.taxonomy.release}: {ids}"


def match(genome_ids: Sequence[str], taxonomy: Taxonomy) -> Matches:
    """The row of each genome. Where several fit, the strictest rule decides, and a sentence says so."""
    matches = Matches(taxonomy)
    genomes: dict[str, list[tuple[Rule, str]]] = {}  # id of a row -> genomes that have it
    for genome_id in dict.fromkeys(genome_ids):
        fits = taxonomy.fits(genome_id)
        fit = taxonomy.decided(fits)
        _report_rows(matches, genome_id, fits, fit)
        if fit:
            genomes.setdefault(fit.key, []).append((fit.rule, genome_id))
    for key, several in genomes.items():
        _assign(matches, key, sorted(several, key=lambda item: item[0]))
    matches.unmatched = [
        genome_id for genome_id in dict.fromkeys(genome_ids) if genome_id not in matches.fits
    ]
    matches.unused = [key for key in taxonomy.taxa if key not in genomes]
    return matches


def _report_rows(matches: Matches, genome_id: str, fits: Sequence[Fit], fit: Fit | None) -> None:
    rows = [other for other in fits if other.rule is not Rule.OTHER_VERSION]
    if fit and len(rows) > 1:
        second = next(other for other in rows if other.key != fit.key)
        matches.chosen.append(
            f"{genome_id} has {fit.key!r} ({fit.rule.text}), not {second.key!r} ({second.rule.text})"
        )
    elif not fit and rows:
        matches.undecided.append(f"{genome_id} fits {fits[0].key!r} and {fits[1].key!r}")
    elif not fit and fits:
        matches.other_versions.append(f"{genome_id}, where the row is {fits[0].key!r}")


def _assign(matches: Matches, key: str, several: Sequence[tuple[Rule, str]]) -> None:
    """Give a row to the genomes that fit it by the strictest rule."""
    strictest, first = several[0]
    same = [genome_id for rule, genome_id in several if rule is strictest]
    matches.fits.update(dict.fromkeys(same, Fit(strictest, key)))
    if len(same) > 1:
        matches.shared.append(f"{key!r} names {same[0]} and {same[1]} (by {strictest.text})")
    for rule, genome_id in several[len(same) :]:
        matches.displaced.append(f"{genome_id} ({rule.text}): {key!r} names {first} ({strictest.text})")


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(map(repr, ids[:SHOWN])) + _more(ids, SHOWN)


def _more(items: Sequence[str], shown: int) -> str:
    return f" and {len(items) - shown:,} more" if len(items) > shown else ""
