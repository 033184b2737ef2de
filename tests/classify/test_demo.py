"""Classification on the real index of the demo, where hand-made tables are not enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from genome_index.classify.scope import random_similarity
from genome_index.index.index import Index
from genome_index.io.reader import iter_genomes
from genome_index.io.sequence import reverse_complement
from genome_index.records import Contig, Genome


def test_random_similarity_is_far_below_that_of_the_demo_to_itself(demo_index: Path, demo: Path) -> None:
    opened = Index.open(demo_index)
    [query] = iter_genomes([demo / "genomes" / "DEMO_0001.fa.gz"])
    assert isinstance(query, Genome)
    found = random_similarity(opened, query)
    assert found == pytest.approx(0.4450, abs=1e-4)
    assert opened.model.least_similarity < found
    turned = [Contig(contig.name, reverse_complement(contig.sequence)) for contig in query.contigs]
    assert random_similarity(opened, Genome("turned", tuple(turned[::-1]), "-")) == found
