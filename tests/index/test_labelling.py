"""Names of new genomes: of the taxonomy, else of their own files."""

from __future__ import annotations

from genome_index.index.ingest import StoredGenome
from genome_index.index.labelling import label
from genome_index.records import Lineage, Taxon
from genome_index.taxonomy.lookup import Taxonomy


def stored(genome_id: str, **names: str) -> StoredGenome:
    return StoredGenome(genome_id, "segment", 0, 1_000, 1, genome_id, "x.fa", names, {})


def test_a_placeholder_in_a_file_of_its_own_is_no_name() -> None:
    labelled = label([stored("a", species="unclassified", genus="Hyla"), stored("b", species="-")], None, 0)
    assert [dict(entry.lineage.names) for entry in labelled.entries] == [{"genus": "Hyla"}, {}]
    assert labelled.warnings == ("1 genome without taxonomy, which cannot name a query: b",)
    assert labelled.notes == ()


def test_an_unchanged_genome_keeps_its_row_from_a_looser_fit() -> None:
    """A row belongs to the genome that the index has already."""
    taxonomy = Taxonomy({"NC_001573.1": Taxon(Lineage({"species": "Xenopus laevis"}))}, "t.tsv")
    labelled = label([stored("NC_001573")], taxonomy, 1, ["NC_001573.1"])
    assert labelled.entries[0].lineage.names == {}
    assert labelled.warnings == (
        "1 genome without taxonomy, which cannot name a query: NC_001573",
        "rows of t.tsv fit 1 genome less strictly than another genome, which has them: NC_001573 "
        "(the accession without its version): 'NC_001573.1' names NC_001573.1 (the same id)",
    )
