"""NCBI taxdumps: folders and archives with NCBI's taxonomy, from which a taxid gets its lineage."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from genome_index.errors import TaxonomyError
from genome_index.records import NCBI_RANKS, Lineage, Taxon
from genome_index.taxonomy.text_files import TextFile, digest, text_file, translated

MAPPING = "genome2taxid.tsv"
_MEMBERS = (MAPPING, "nodes.dmp", "names.dmp", "merged.dmp", "delnodes.dmp")


def is_taxdump(path: Path) -> bool:
    """Whether `path` can be a taxdump: a directory, .tar, .tar.gz, .tgz or .zip."""
    return path.is_dir() or path.name.lower().endswith((".tar", ".tar.gz", ".tgz", ".zip"))


def dump_release(dump: Path) -> str:
    """The dump's name, with a digest of the archive, or of the files in a directory that are read."""
    parts = [dump / name for name in _MEMBERS if (dump / name).is_file()] if dump.is_dir() else [dump]
    return f"{dump.resolve().name} {digest(parts)}"


@contextmanager
def dump_files(dump: Path) -> Iterator[Mapping[str, TextFile]]:
    """Open a taxdump: name -> file, in whatever folder of an archive.

    Raises
    ------
    TaxonomyError
        There is no such file, it is not an archive, or it lacks nodes.dmp or names.dmp.
    """
    with translated(str(dump)), _members(dump) as files:
        for name in ("nodes.dmp", "names.dmp"):
            if name not in files:
                reason = f"holds no {name}; give NCBI's taxdump as a folder, taxdump.tar.gz or taxdmp.zip"
                raise TaxonomyError(str(dump), reason)
        yield files


def add_lineages(
    taxa: Mapping[str, Taxon], taxids: Mapping[str, int], dump: Path
) -> tuple[dict[str, Taxon], tuple[str, ...]]:
    """The taxa with the lineages of their taxids, and warnings; a taxon's own ranks take precedence.

    Raises
    ------
    TaxonomyError
        The dump cannot be read.
    """
    with dump_files(dump) as files:
        lineages, reasons = dump_lineages(files, taxids.values())
    cure = "so it gives no lineage; correct it or take a newer taxdump"
    warnings = tuple(
        f"{genome_id}: taxid {taxid} {reasons[taxid]}, {cure}"
        for genome_id, taxid in taxids.items()
        if taxid in reasons
    )
    return {
        genome_id: _overlaid(taxon, lineages.get(taxids.get(genome_id, 0)))
        for genome_id, taxon in taxa.items()
    }, warnings


def _overlaid(taxon: Taxon, lineage: Lineage | None) -> Taxon:
    if lineage is None:
        return taxon
    own = taxon.lineage.names
    return Taxon(Lineage({**lineage.names, **own}) if own else lineage, taxon.labels)


def dump_lineages(
    files: Mapping[str, TextFile], taxids: Iterable[int]
) -> tuple[dict[int, Lineage], dict[int, str]]:
    """The lineage of every taxid, and the reason for each taxid without one: (lineages, reasons).

    Only scientific names count, and a merged taxid has the lineage of the taxid it was merged into. The tree
    is in memory meanwhile: some 350 MB for all of NCBI's 2.7 million nodes.

    Raises
    ------
    TaxonomyError
        A file of the dump is malformed, or names a node that the dump lacks.
    """
    parents, ranks = _read_nodes(files["nodes.dmp"])
    current, reasons = _resolve(files, set(taxids), parents)
    ancestors = {node: _ancestors(files["nodes.dmp"].name, node, parents) for node in set(current.values())}
    ranked = {node for path in ancestors.values() for node in path if node in ranks}
    names = _read_names(files["names.dmp"], ranked)
    lineages = {
        node: Lineage({ranks[n]: names[n] for n in reversed(path) if n in ranks})
        for node, path in ancestors.items()
    }
    return {taxid: lineages[node] for taxid, node in current.items()}, reasons


def _read_nodes(file: TextFile) -> tuple[dict[int, int], dict[int, str]]:
    """The parents of all nodes, and the ranks of those with one of our ranks."""
    parents: dict[int, int] = {}
    ranks: dict[int, str] = {}
    for node, parent, rank in _records(file, 3, taxids=2):
        taxid = int(node)
        parents[taxid] = int(parent)
        if rank in NCBI_RANKS:
            ranks[taxid] = NCBI_RANKS[rank]
    return parents, ranks


def _resolve(
    files: Mapping[str, TextFile], taxids: set[int], parents: Mapping[int, int]
) -> tuple[dict[int, int], dict[int, str]]:
    """The present node of each taxid, and the reason for each taxid without one."""
    merged: dict[int, int] = {}
    if "merged.dmp" in files:
        merged = {int(old): int(new) for old, new in _records(files["merged.dmp"], 2, taxids=2)}
    deleted: set[int] = set()
    if "delnodes.dmp" in files:
        deleted = {int(taxid) for (taxid,) in _records(files["delnodes.dmp"], 1, taxids=1)} & taxids
    current: dict[int, int] = {}
    reasons: dict[int, str] = {}
    for taxid in taxids:
        node = _follow(taxid, parents, merged)
        if node in parents:
            current[taxid] = node
        else:
            reasons[taxid] = "was deleted by NCBI" if taxid in deleted else "is not in the taxdump"
    return current, reasons


def _follow(node: int, parents: Mapping[int, int], merged: Mapping[int, int]) -> int:
    seen: set[int] = set()  # mergers in a malformed dump may form a circle
    while node not in parents and node in merged and node not in seen:
        seen.add(node)
        node = merged[node]
    return node


def _ancestors(source: str, node: int, parents: Mapping[int, int]) -> list[int]:
    """The node and its ancestors, deepest first, up to the root, which is its own parent."""
    path: dict[int, None] = {}
    while node not in path:
        path[node] = None
        if node not in parents:
            raise TaxonomyError(
                source, f"taxid {node} is a parent but not a node; download the taxdump again"
            )
        node = parents[node]
    return list(path)


def _read_names(file: TextFile, wanted: set[int]) -> dict[int, str]:
    names = {
        int(node): name
        for node, name, _, kind in _records(file, 4, taxids=1)
        if kind == "scientific name" and int(node) in wanted
    }
    if nameless := sorted(wanted - names.keys()):
        reason = f"taxid {nameless[0]} has no scientific name; download the taxdump again"
        raise TaxonomyError(file.name, reason)
    return names


def _records(file: TextFile, count: int, taxids: int) -> Iterator[list[str]]:
    """The first `count` fields of each line of a .dmp file, of which the first `taxids` are taxids."""
    for number, line in enumerate(file.lines(), 1):
        fields = line.rstrip("\n").removesuffix("\t|").split("\t|\t", count)[:count]
        if len(fields) < count or not all(field.isdecimal() for field in fields[:taxids]):
            reason = f"cannot read {line.rstrip()[:40]!r} as a taxdump record; download the taxdump again"
            raise TaxonomyError(file.name, reason, number)
        yield fields


@contextmanager
def _members(dump: Path) -> Iterator[dict[str, TextFile]]:
    if dump.is_dir():
        yield {name: text_file(dump / name) for name in _MEMBERS if (dump / name).is_file()}
    elif zipfile.is_zipfile(dump):
        with zipfile.ZipFile(dump) as archive:
            openers = {name: partial(archive.open, name) for name in archive.namelist()}
            yield _named(dump, openers)
    elif not tarfile.is_tarfile(dump):
        reason = "is neither a folder nor a tar or zip archive; give NCBI's taxdump as one of these"
        raise TaxonomyError(str(dump), reason)
    else:
        with tarfile.open(dump) as tar:
            members = [member for member in tar.getmembers() if member.isfile()]
            yield _named(dump, {member.name: partial(_extract, tar, member) for member in members})


def _named(dump: Path, openers: Mapping[str, Callable[[], IO[bytes]]]) -> dict[str, TextFile]:
    by_name = {PurePosixPath(inner).name: opener for inner, opener in openers.items()}
    return {name: TextFile(f"{dump}/{name}", by_name[name]) for name in _MEMBERS if name in by_name}


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return cast(IO[bytes], tar.extractfile(member))  # None only for members that are not files
