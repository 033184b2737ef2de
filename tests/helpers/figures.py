"""Helpers of tests of figures: random bases, and a check that text is legible."""

from __future__ import annotations

import itertools
import random

import matplotlib
import pytest
from hypothesis import given as given_values
from hypothesis import settings

EACH_THEME = ("light", pytest.param("dark", marks=pytest.mark.long))  # as values of a parameter


def given(**values: object) -> object:
    """Hypothesis without its limit of time: the first call of some functions compiles them."""
    return lambda test: settings(deadline=None)(given_values(**values)(test))


def drawn_bases(seed: int, length: int, bases: str = "ACGT") -> str:
    return "".join(random.Random(seed).choices(bases, k=length))


def require_legible(figure: object) -> None:
    """Every text lies within the picture, and no two titles or labels over each other."""
    figure.draw_without_rendering()
    width, height = figure.canvas.get_width_height()
    texts = [one for one in figure.findobj(matplotlib.text.Text) if one.get_text() and one.get_visible()]
    boxes = [one.get_window_extent() for one in texts]
    ticks = {id(label) for axes in figure.findobj(matplotlib.axes.Axes)
             for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}  # fmt: skip
    ticked = [id(one) in ticks for one in texts]
    for one, box, tick in zip(texts, boxes, ticked, strict=True):
        if not tick:  # labels beyond an axis's limits are not drawn
            assert box.x0 >= -1, one.get_text()
            assert box.y0 >= -1, one.get_text()
            assert box.x1 <= width + 1, one.get_text()
            assert box.y1 <= height + 1, one.get_text()
    plain = [(one.get_text(), box) for one, box, tick in zip(texts, boxes, ticked, strict=True) if not tick]
    assert len(plain) > 4
    for (first, a), (second, b) in itertools.combinations(plain, 2):
        assert not a.shrunk(0.9, 0.9).overlaps(b.shrunk(0.9, 0.9)), (first, second)
