"""The data card of pairs: what they are, licences, provenance, parts, and a report of their quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import metadata

import numpy as np

from genome_index.lab.corpus.relatives import IDENTITY
from genome_index.lab.corpus.split import PARTS, Split, SplitPlan
from genome_index.lab.describe.tables import DATA, Pair
from genome_index.lab.markdown import markdown_table

CARD = "README.md"
PERCENTILES = (0, 10, 50, 90, 100)
LENGTHS = ("sequence", "text", "raw_text")
MOST_SHOWN = 12  # licences or files in a table


@dataclass
class Quality:
    """Counts over the pairs, taken as they pass."""

    pairs: int = 0
    filled: Counter[str] = field(default_factory=Counter)  # column -> pairs with a value
    lengths: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in LENGTHS})
    licences: Counter[str] = field(default_factory=Counter)
    abstract_licences: Counter[str] = field(default_factory=Counter)
    files: Counter[str] = field(default_factory=Counter)
    papers: int = 0  # cited, counted with each record that cites them
    abstracts: int = 0

    def add(self, pair: Pair) -> None:
        """Count one pair."""
        self.pairs += 1
        self.filled.update(one.name for one in fields(Pair) if _has_value(getattr(pair, one.name)))
        for name in LENGTHS:
            self.lengths[name].append(len(getattr(pair, name)))
        self.licences[pair.licence] += 1
        self.abstract_licences.update(pair.abstract_licences)
        self.files[pair.source] += 1
        self.papers += len(pair.titles)
        self.abstracts += len(pair.abstracts)


def _has_value(value: object) -> bool:
    """Whether a column says something; a list of empty texts does not."""
    return any(value) if isinstance(value, list) else bool(value)


def data_card(
    quality: Quality, parts: Mapping[str, int], split: Split, papers: Sequence[Sequence[str]],
    dropped: Mapping[str, int], plan: SplitPlan,
) -> str:  # fmt: skip
    """The card as Markdown, with the front matter by which libraries of data sets find the parts."""
    sections = {
        "Parts": _parts(parts, split, plan),
        "Licences": _licences(quality),
        "Provenance": _provenance(quality),
        "Quality": "\n\n".join((_filled(quality), _lengths(quality), _dropped(dropped))),
        "Leakage": _leakage(split, papers),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"{_front_matter(parts)}\n# Pairs of sequence and text\n\n{_introduction(quality)}\n\n{body}\n"


def _front_matter(parts: Mapping[str, int]) -> str:
    files = "".join(
        f"      - split: {part}\n        path: {DATA}/{part}-*.parquet\n" for part in PARTS if parts[part]
    )
    return f"---\nlicense: other\nconfigs:\n  - config_name: default\n    data_files:\n{files}---\n"


def _introduction(quality: Quality) -> str:
    return (
        f"{quality.pairs:,} DNA or RNA sequences, each with a text by a template (`text`) and with the words "
        "of its record (`raw_text`: definition, keywords, titles of the papers it cites, their abstracts, "
        f"comment). Made by `gindex lab describe` {metadata.version('gindex')} from GenBank or EMBL records."
    )


def _parts(parts: Mapping[str, int], split: Split, plan: SplitPlan) -> str:
    sizes = {part: len({split.clusters[one] for one in split.of_part(part)}) for part in PARTS}
    table = markdown_table(
        ["part", "pairs", "clusters"], [[part, f"{parts[part]:,}", f"{sizes[part]:,}"] for part in PARTS]
    )
    largest = max(Counter(split.clusters.values()).values())
    return (
        f"{table}\n\nA cluster is connected by a species name, by {100 * IDENTITY:g} % identity of k-mers, "
        f"or by a paper that two records cite; it lies in one part. The largest has {largest:,} records. "
        f"Seed {plan.seed}; shares asked for: test {plan.test:g}, validation {plan.validation:g}."
    )


def _licences(quality: Quality) -> str:
    rows = [["sequence and record", name, f"{n:,}"] for name, n in quality.licences.most_common(MOST_SHOWN)]
    rows += [["abstract", name, f"{n:,}"] for name, n in quality.abstract_licences.most_common(MOST_SHOWN)]
    return (
        markdown_table(["of", "licence", "number"], rows)
        + "\n\nEach row has its own, in `licence` and `abstract_licences`."
    )


def _provenance(quality: Quality) -> str:
    rows = [[name, f"{n:,}"] for name, n in quality.files.most_common(MOST_SHOWN)]
    more = len(quality.files) - len(rows)
    rest = f"\n\n{more:,} more files." if more else ""
    return (
        "Each row has the accession with version (`id`), the date of the record, the file it was read from, "
        "and the sha256 of its bases, which is the same for either strand. records.tsv has a row for every "
        f"record that was read, kept or dropped.\n\n{markdown_table(['file', 'pairs'], rows)}{rest}"
    )


def _filled(quality: Quality) -> str:
    rows = [[f"`{name}`", f"{100 * share:.1f}"] for name, share in _shares(quality)]
    return "Share of pairs with a value in each column:\n\n" + markdown_table(["column", "%"], rows) + (
        f"\n\n{quality.abstracts:,} abstracts for {quality.papers:,} citations of papers."
    )  # fmt: skip


def _shares(quality: Quality) -> Iterator[tuple[str, float]]:
    for one in fields(Pair):
        yield one.name, quality.filled[one.name] / quality.pairs


def _lengths(quality: Quality) -> str:
    rows = [
        [f"`{name}`", *(f"{value:,.0f}" for value in np.percentile(lengths, PERCENTILES))]
        for name, lengths in quality.lengths.items()
    ]
    head = ["characters of", *(f"{one} %" for one in PERCENTILES)]
    return f"Lengths, by percentile:\n\n{markdown_table(head, rows)}"


def _dropped(dropped: Mapping[str, int]) -> str:
    if not dropped:
        return "No record was dropped."
    rows = [[kind, f"{count:,}"] for kind, count in dropped.items()]
    return "Records dropped, each with its reason in records.tsv:\n\n" + markdown_table(
        ["why", "records"], rows
    )


def _leakage(split: Split, papers: Sequence[Sequence[str]]) -> str:
    parts_of: dict[str, set[str]] = {}
    for part, keys in zip(split.parts.values(), papers, strict=True):
        for key in keys:
            parts_of.setdefault(key, set()).add(part)
    shared = sum(len(parts) > 1 for parts in parts_of.values())
    return f"Of {len(parts_of):,} papers cited, {shared:,} are cited in more than one part."
