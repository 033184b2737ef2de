"""gindex add: more genomes for an index."""

from __future__ import annotations

from gindex_cli.changes import amount_added, report_change
from gindex_cli.inputs import planned_inputs
from gindex_cli.options import (
    DEFAULT_INDEX,
    DEFAULT_THREADS,
    DEFAULT_WAIT_S,
    FromFile,
    GenomePerOption,
    IdFromOption,
    IndexDir,
    Inputs,
    ModelOption,
    TaxonomyFile,
    Threads,
    Wait,
)
from gindex_cli.progress import ProgressLine


def add(
    inputs: Inputs = None,
    index: IndexDir = DEFAULT_INDEX,
    taxonomy: TaxonomyFile = None,
    genome_per: GenomePerOption = None,
    id_from: IdFromOption = None,
    threads: Threads = DEFAULT_THREADS,
    model: ModelOption = "",
    from_file: FromFile = None,
    wait: Wait = DEFAULT_WAIT_S,
) -> None:
    """Add genomes to an index."""
    from genome_index.pipeline import add_genomes

    planned = planned_inputs(inputs, from_file, taxonomy, genome_per, id_from)
    with ProgressLine() as show:
        settings = show.settings(threads, wait, model)
        summary = add_genomes(planned.inputs, index, planned.taxonomy, planned.per, settings)
    report_change(summary, amount_added("added", summary), show)
