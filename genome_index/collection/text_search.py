"""Full-text search in an index: the genomes whose names, labels and descriptions have the words of a text.

Words are stems (Porter), ranked by BM25 with k1 1.2 and b 0.75, as DuckDB's full-text search does
(Robertson et al. 1994, Okapi at TREC-3). SQLite's FTS5 computes it, because it is part of Python: DuckDB's
extension has to be downloaded for each version. The two rank alike: tests/bench/find.py.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from genome_index.errors import UsageError
from genome_index.records import RANKS, Entry
from genome_index.taxonomy.tables import DESCRIPTION

ENGINES = ("text", "vectors")
"""What a text is compared with: texts of genomes, here, or their vectors (lab/describe/vector_search.py)."""
PASSAGE_WORDS = 16  # of a text, around the words found
_STOP = (
    "a an and are as at be been but by can do does for from had has have how i in into is it its of on or "
    "that the their there these this those to was we were what when where which who whose will with"
)
STOP_WORDS = frozenset(_STOP.split())
"""Words that most texts have and that distinguish none."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class TextHit:
    """A genome that a text found."""

    entry: Entry
    score: float  # BM25, or cosine of vectors; higher is nearer
    passage: str  # of its description, names and labels, around the words found


def text_of(entry: Entry) -> str:
    """What an index says of a genome, as one text: its description, names and labels, and its id."""
    names = (entry.lineage.name(rank) for rank in reversed(RANKS))
    labels = (value for label, value in entry.taxon.labels.items() if label != DESCRIPTION)
    parts = (entry.taxon.labels.get(DESCRIPTION), *names, *labels, entry.molecule, entry.id)
    return ". ".join(dict.fromkeys(part.rstrip(". ") for part in parts if part))


def search_text(entries: Sequence[Entry], text: str, limit: int = 10) -> list[TextHit]:
    """The genomes whose texts have most of the words, best first; equal scores by id.

    Raises
    ------
    UsageError
        The text has no word, or this Python has no FTS5.
    """
    rows = ranked_texts([text_of(entry) for entry in entries], text, [entry.id for entry in entries], limit)
    return [TextHit(entries[row], score, passage) for row, score, passage in rows]


def ranked_texts(
    texts: Iterable[str], query: str, ids: Sequence[str], limit: int
) -> list[tuple[int, float, str]]:
    """The places of the texts that have words of the query, with BM25 and a passage; at most `limit`.

    >>> [(row, passage) for row, _, passage in ranked_texts(["a frog", "two toads"], "toad?", "ab", 5)]
    [(1, 'two toads')]
    """
    with TextIndex(texts) as index:
        best = sorted(index.scores(query), key=lambda pair: (-pair[1], ids[pair[0]]))[:limit]
        passages = index.passages(query, [row for row, _ in best])
    return [(row, score, passages[row]) for row, score in best]


class TextIndex:
    """Full-text index of some texts, in memory; use as a context manager."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._database = sqlite3.connect(":memory:")
        try:
            self._database.execute(
                "CREATE VIRTUAL TABLE texts USING fts5(text, tokenize = 'porter unicode61')"
            )
        except sqlite3.OperationalError as error:
            self._database.close()
            cure = "take a Python whose SQLite has it"
            raise UsageError(f"full-text search needs FTS5 ({error}); {cure}") from error
        self._database.executemany("INSERT INTO texts(rowid, text) VALUES (?, ?)", enumerate(texts))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def scores(self, query: str) -> list[tuple[int, float]]:
        """Place and BM25 of each text that has a word of the query, in no order."""
        return self._rows("-rank", _any_word(query))

    def passages(self, query: str, rows: Sequence[int]) -> dict[int, str]:
        """A passage of each of some texts, around the words found."""
        passage = f"snippet(texts, 0, '', '', ' ... ', {PASSAGE_WORDS})"
        numbers = ", ".join(str(int(row)) for row in rows)
        return dict(self._rows(passage, _any_word(query), f"AND rowid IN ({numbers})"))

    def _rows(self, value: str, words: str, condition: str = "") -> list[tuple[int, Any]]:
        sql = f"SELECT rowid, {value} FROM texts WHERE text MATCH ? {condition}"
        return self._database.execute(sql, [words]).fetchall()


def _any_word(query: str) -> str:
    """A query in the language of FTS5: a text has one of the words."""
    return " OR ".join(f'"{word}"' for word in query_words(query))


def query_words(text: str) -> list[str]:
    """The words of a text in lower case, each once, without those that distinguish nothing.

    >>> query_words("A thermophilic archaeon from a hot spring"), query_words("the")
    (['thermophilic', 'archaeon', 'hot', 'spring'], ['the'])

    Raises
    ------
    UsageError
        It has no word.
    """
    words = list(dict.fromkeys(_WORD.findall(text.lower())))
    if not words:
        raise UsageError(f"no word to search for in {text!r}; give words, such as 'hot spring archaeon'")
    return [word for word in words if word not in STOP_WORDS] or words
