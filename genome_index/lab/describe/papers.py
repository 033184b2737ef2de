"""Groups of records by the papers that they cite, so that no paper is in two parts of a split."""

from __future__ import annotations

from collections.abc import Sequence

from genome_index.lab.corpus.relatives import Rows, root_of


def joined_by_paper(groups: Rows, papers: Sequence[Sequence[str]]) -> Rows:
    """The groups of N records, with those joined that cite a paper in common.

    Parameters
    ----------
    groups : (N,) array
        Equal numbers are one group; each number is the place of its first record.
    papers : N sequences
        Keys of the papers that each record cites.

    >>> import numpy as np
    >>> joined_by_paper(np.arange(4), [["a"], ["b"], ["a", "c"], []]).tolist()
    [0, 1, 0, 3]
    """
    parents = groups.copy()
    first: dict[str, int] = {}
    for at, keys in enumerate(papers):
        for key in keys:
            a, b = root_of(parents, at), root_of(parents, first.setdefault(key, at))
            parents[max(a, b)] = min(a, b)
    for at in range(len(parents)):
        parents[at] = root_of(parents, at)
    return parents
