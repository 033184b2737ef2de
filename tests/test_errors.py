"""Errors: every class survives pickling; an unknown name is answered with the one that was meant."""

import inspect
import pickle
import pkgutil
import typing
from collections.abc import Sequence
from importlib import import_module

import pytest

import genome_index
from genome_index.errors import GindexError, did_you_mean, nearest_name

SAMPLES = {
    str: "a sentence", int: 413, float: 2.5, object: ("settings", 7), float | None: 0.5,
    Sequence[str]: ("first", "second"),
}  # fmt: skip
"""A value for each type that a parameter of an error's `__init__` has; a new type needs one here."""


def every_error() -> list[type[GindexError]]:
    """GindexError and all its subclasses, in every module of the package."""
    for module in pkgutil.walk_packages(genome_index.__path__, "genome_index."):
        import_module(module.name)
    classes, todo = [], [GindexError]
    while todo:
        classes.append(todo.pop())
        todo += classes[-1].__subclasses__()
    return sorted(
        (kind for kind in set(classes) if kind.__module__.startswith("genome_index.")),
        key=lambda kind: kind.__qualname__,
    )


def sample(kind: type[GindexError]) -> GindexError:
    """An error of this class, every parameter given, those with defaults too."""
    if "__init__" not in {
        name for base in kind.__mro__ if issubclass(base, GindexError) for name in vars(base)
    }:
        return kind("a sentence")
    types = typing.get_type_hints(kind.__init__)
    names = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
    return kind(**{name: SAMPLES[types[name]] for name in names})


def test_every_error_survives_pickling():
    classes = every_error()
    assert {"GindexError", "SpecMismatch", "ServiceError"} <= {kind.__name__ for kind in classes}
    for kind in classes:
        error = sample(kind)
        error.note = ["added later"]
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            copy = pickle.loads(pickle.dumps(error, protocol))
            assert (type(copy), str(copy), copy.args) == (kind, str(error), error.args)
            assert vars(copy) == vars(error)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Demobactr", "Demobacter"),
        ("DEMOBACTER", "Demobacter"),
        ("fictus", "Fictus"),
        ("xyz", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_found_in_any_case(name, nearest):
    assert nearest_name(name, ["Fictus", "Demobacter", "Demobacterium"]) == nearest
    expected = "give another" if nearest is None else f"did you mean {nearest!r}?"
    assert did_you_mean(name, iter(["Demobacterium", "Fictus", "Demobacter"]), "give another") == expected
