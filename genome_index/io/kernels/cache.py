"""The folder for functions that numba has compiled, where neither the installation nor the home is writable.

numba keeps them beside the source, else in the user's cache, else it raises an error. In a container, and for
an installation of an administrator, both can be read-only; then it is a folder for temporary files, or none.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
BESIDE_SOURCE = Path(__file__).with_name("__pycache__")


def choose_kernel_cache() -> None:
    """Set numba's folder if it cannot write where it would; nothing changes where it can."""
    given = os.environ.get(VARIABLE)
    if is_writable(Path(given) if given else BESIDE_SOURCE):
        return
    folder = _writable(_of_user()) or _writable(_temporary())
    if folder is None:
        _compile_without_cache()
        return
    os.environ[VARIABLE] = str(folder)
    if "numba" in sys.modules:  # it has read the variable already
        from numba.core import config

        vars(config)["CACHE_DIR"] = str(folder)


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in a folder, which is made if it is not there."""
    probe = folder / f".gindex-{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except (OSError, ValueError):
        return False
    return True


def _writable(folder: Path | None) -> Path | None:
    return folder if folder is not None and is_writable(folder) else None


def _of_user() -> Path | None:
    """Numba's folder in the user's cache; None for a user without a home."""
    with suppress(RuntimeError):
        home = "Library/Caches" if sys.platform == "darwin" else ".cache"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / home) / "numba"
    return None


def _temporary() -> Path | None:
    """A folder for temporary files that is this user's alone: compiled functions of others are not run."""
    import tempfile

    with suppress(OSError):
        shared = Path(tempfile.gettempdir()) / f"gindex-numba-{os.getuid()}"
        with suppress(FileExistsError):
            shared.mkdir(mode=0o700)
        status = shared.lstat()
        is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077
        return shared if is_own else Path(tempfile.mkdtemp(prefix="gindex-numba-"))
    return None


def _compile_without_cache() -> None:
    """Let numba compile every function anew in each process, which takes some seconds."""
    from numba.core.dispatcher import Dispatcher

    Dispatcher.enable_caching = lambda self: None  # type: ignore[method-assign]  # numba has no setting for it
