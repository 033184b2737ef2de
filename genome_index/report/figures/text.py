"""Text of figures: short names, and readable colours."""

from __future__ import annotations

Colour = tuple[float, float, float]  # red, green, blue, 0 to 1

# Most names have 10 to 40 characters; longer ones would leave no room for the figure.
LONGEST = 60


def shortened(text: str, most: int = LONGEST) -> str:
    """A name on one line, with an ellipsis if it is longer than `most` characters.

    >>> shortened("Escherichia coli", 12), shortened("two   words")
    ('Escherichia…', 'two words')
    """
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def verbatim(text: str) -> str:
    """The text with escaped dollar signs: matplotlib reads text between two of them as a formula."""
    return text.replace("$", r"\$")


def rgb(colour: str) -> Colour:
    """Red, green and blue of a colour #RRGGBB."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def blended(colour: str, other: str, share: float) -> str:
    """A colour mixed with a share (0 to 1) of another.

    >>> blended("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    mixed = (a + (b - a) * share for a, b in zip(rgb(colour), rgb(other), strict=True))
    return "#" + "".join(f"{round(255 * part):02X}" for part in mixed)


def ink_on(colour: str) -> str:
    """Black or white, whichever has more contrast by relative luminance, WCAG 2.2.

    >>> ink_on("#0072B2"), ink_on("#F0E442")
    ('#FFFFFF', '#000000')
    """
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb(colour))
    luminance = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#FFFFFF" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#000000"
