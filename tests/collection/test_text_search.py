"""Full-text search: BM25 against the formula by hand, stems, stop words, ties, and the text of a genome."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genome_index.collection.text_search import query_words, ranked_texts, search_text, text_of
from genome_index.errors import UsageError
from genome_index.records import Entry, Lineage, Taxon

LETTERS = st.sampled_from(["frog", "toad", "newt", "eel"])


def entry(genome_id: str, names: dict[str, str] | None = None, labels: dict[str, str] | None = None) -> Entry:
    taxon = Taxon(Lineage(names or {}), labels or {})
    return Entry(0, genome_id, "s", 0, 100, 1, "organelle", "", "-", taxon)


def bm25(texts: list[list[str]], query: list[str], at: int) -> float:
    """Okapi BM25 as FTS5 documents it: idf log((N - n + 0.5) / (n + 0.5)), at least 1e-6; k1 1.2, b 0.75."""
    mean, score = sum(map(len, texts)) / len(texts), 0.0
    for word in query:
        holding = sum(word in text for text in texts)
        idf = max(1e-6, math.log((len(texts) - holding + 0.5) / (holding + 0.5)))
        times = texts[at].count(word)
        score += idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * len(texts[at]) / mean))
    return score


@settings(deadline=None)
@given(st.lists(st.lists(LETTERS, min_size=1, max_size=6), min_size=1, max_size=8),
       st.lists(LETTERS, min_size=1, max_size=3, unique=True))  # fmt: skip
def test_scores_are_bm25(texts: list[list[str]], query: list[str]) -> None:
    found = ranked_texts(map(" ".join, texts), " ".join(query), [str(at) for at in range(len(texts))], 99)
    assert {row for row, _, _ in found} == {at for at, text in enumerate(texts) if set(text) & set(query)}
    for row, score, _ in found:
        assert score == pytest.approx(bm25(texts, query, row), rel=1e-6, abs=1e-9)
    assert [score for _, score, _ in found] == sorted((score for _, score, _ in found), reverse=True)


def test_stems_case_and_punctuation_do_not_matter() -> None:
    texts = ["Thermophilic ARCHAEA of (hot) springs", "a bacterium from a lake", "a fungus", "a virus"]
    found = ranked_texts(texts, 'a "thermophile" from a hot-spring OR NOT x*', list("abcd"), 9)
    assert [row for row, _, _ in found] == [0]
    for query in ("thermophile", "SPRING", "archaea", "lakes"):
        assert len(ranked_texts(texts, query, list("abcd"), 9)) == 1, query


def test_stop_words_are_searched_only_where_there_is_nothing_else() -> None:
    assert query_words("The frogs from the pond") == ["frogs", "pond"]
    assert query_words("the THE of") == ["the", "of"]
    with pytest.raises(UsageError, match=r"no word to search for in '\?\!'; give words"):
        query_words("?!")


def test_texts_of_genomes_have_names_labels_and_description() -> None:
    names = {"genus": "Hyla", "species": "Hyla arborea"}
    own = entry("NC_1.1", names, {"host": "none", "description": "A frog from a pond."})
    assert text_of(own) == "A frog from a pond. Hyla arborea. Hyla. none. organelle. NC_1.1"


def test_equal_scores_are_ordered_by_id_and_limited() -> None:
    entries = [entry(name, {"genus": "Hyla"}) for name in "cab"] + [entry(name) for name in "defghi"]
    assert [hit.entry.id for hit in search_text(entries, "hyla")] == ["a", "b", "c"]
    assert [hit.entry.id for hit in search_text(entries, "hyla", 2)] == ["a", "b"]
    assert [hit.entry.id for hit in search_text(entries, "NC_9.1 g")] == ["g"]
