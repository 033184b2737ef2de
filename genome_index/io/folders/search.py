"""Search of a folder for sequence files: what is read, and what was passed over and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genome_index.io.compression import cause
from genome_index.io.folders.suffixes import is_sequence_name, plain_name, why_passed_over

HIDDEN = "hidden folders"
LINKED = "linked folders that were searched already"
SINGULAR = {
    "files of macOS": "file of macOS",
    "files of proteins": "file of proteins",
    "files of CDS or RNA": "file of CDS or RNA",
    "other forms of a genome beside them": "other form of a genome beside it",
    "files of reads": "file of reads",
    "archives": "archive",
    "files with other endings": "file with another ending",
    "hidden files": "hidden file",
    HIDDEN: "hidden folder",
    LINKED: "linked folder that was searched already",
}


@dataclass
class FolderSearch:
    """What a search of a folder and all its folders, linked ones too, has found."""

    folder: str
    files: list[str] = field(default_factory=list)  # paths of sequence files
    errors: dict[str, str] = field(default_factory=dict)  # path of a folder that cannot be read -> why
    passed_over: dict[str, list[str]] = field(default_factory=dict)  # what they are -> paths in the folder

    @property
    def note(self) -> str:
        """What was passed over, with counts and examples, as a sentence; empty if nothing was."""
        parts = [
            f"{len(paths):,} {what if len(paths) > 1 else SINGULAR[what]} ({_example(paths)})"
            for what, paths in ((what, self.passed_over.get(what, [])) for what in SINGULAR)
            if paths
        ]
        return (
            f"passed over: {', '.join(parts)}; give a file by its own path to have it read" if parts else ""
        )

    def pass_over(self, what: str, path: str) -> None:
        self.passed_over.setdefault(what, []).append(os.path.relpath(path, self.folder))


def _example(paths: list[str]) -> str:
    more = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
    return f"{min(paths)}{more}"


def search_folder(folder: str) -> FolderSearch:
    """Search a folder with all its folders; a folder that links lead to again is searched once."""
    search, searched = FolderSearch(folder), set[str]()
    waiting = [folder]  # linked folders come after all that is reached without a link
    while waiting:
        links: list[str] = []
        for start in waiting:
            if start != folder and os.path.realpath(start) in searched:
                search.pass_over(LINKED, start)
            else:
                links += _walk(start, search, searched)
        waiting = sorted(links)
    return search


def _walk(start: str, search: FolderSearch, searched: set[str]) -> Iterator[str]:
    """Search a folder without its linked folders, which are returned."""
    errors: list[OSError] = []
    for parent, folders, names in os.walk(start, onerror=errors.append):
        real = os.path.realpath(parent)
        if real in searched:  # a link has led into a part of it before
            folders.clear()
            continue
        searched.add(real)
        for name in [name for name in folders if name.startswith(".")]:  # checkpoints, snapshots, trash
            folders.remove(name)
            search.pass_over(HIDDEN, os.path.join(parent, name))
        yield from (os.path.join(parent, name) for name in folders if os.path.islink(Path(parent, name)))
        _sort(parent, names, search)
    for error in errors:
        search.errors[str(Path(error.filename))] = cause(error)


def _sort(parent: str, names: list[str], search: FolderSearch) -> None:
    """Sort the files of one folder into sequence files and those that are passed over."""
    beside = {plain_name(name) for name in names}
    for name in names:
        path = str(Path(parent, name))
        what = why_passed_over(name, beside)
        if what and (is_sequence_name(name) or not name.startswith(".")):
            search.pass_over(what, path)
        # A broken link is an input, whose row gives the reason; a pipe or a device is not.
        elif not what and (os.path.isfile(path) or not os.path.exists(path)):
            search.files.append(path)
