"""Names as a picture takes them, and colours that letters can be read on."""

from __future__ import annotations

Colour = tuple[float, float, float]  # red, green, blue, 0 to 1

# Names have 10 to 40 letters as a rule; what is longer would leave no room for what it names.
LONGEST = 60


def shortened(text: str, most: int = LONGEST) -> str:
    """A name on one line, with an ellipsis where it is longer than `most` letters.

    >>> shortened("Escherichia coli", 12), shortened("two   words")
    ('Escherichia…', 'two words')
    """
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def verbatim(text: str) -> str:
    """Dollars as dollars: matplotlib takes what is between two of them for a formula."""
    return text.replace("$", r"\$")


def rgb(colour: str) -> Colour:
    """Parts of a colour that is written #RRGGBB."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def blended(colour: str, other: str, share: float) -> str:
    """A colour with so much of another in it, 0 to 1.

    >>> blended("#000000", "#FFFFFF", 0.5)
    '#808080'
    """
    mixed = (a + (b - a) * share for a, b in zip(rgb(colour), rgb(other), strict=True))
    return "#" + "".join(f"{round(255 * part):02X}" for part in mixed)


def ink_on(colour: str) -> str:
    """Black or white, whichever stands out more: by relative luminance, WCAG 2.2.

    >>> ink_on("#0072B2"), ink_on("#F0E442")
    ('#FFFFFF', '#000000')
    """
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb(colour))
    luminance = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#FFFFFF" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#000000"
