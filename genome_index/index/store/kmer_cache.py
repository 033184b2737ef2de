"""Cache of the inverted index of a snapshot of an older gindex, which has none among its files.

    INDEX/kmers/000007-b2d4b8a6f0c4/kmers.hashes.npy ...    of snapshot 7

It is not part of the index: where the folder cannot be written, the inverted index is built each time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from genome_index.errors import IndexDamaged, StorageError
from genome_index.index.store.kmer_index import KmerIndex
from genome_index.io.atomic import disk_errors, finish_folder, new_folder


def cached(folder: Path, build: Callable[[], KmerIndex]) -> KmerIndex:
    """The inverted index in a folder; where it is missing or damaged, it is built and left there."""
    with suppress(IndexDamaged):
        return KmerIndex.load(folder)
    index = build()
    with suppress(StorageError):
        work = new_folder(folder)
        with disk_errors(folder):
            index.save(work)
        finish_folder(work, folder)
    return index
