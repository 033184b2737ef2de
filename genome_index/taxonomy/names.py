"""Taxon names: whether one stands for a taxon, the genus of a species; the kind of molecule."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from genome_index.records import Taxon

Molecule = Literal["prokaryote", "virus", "organelle", "plasmid", "other"]


_MARKS = str.maketrans("", "", "[]\"'‘’“”")  # NCBI: [Clostridium] difficile, 'Nostoc azollae'

# Open nomenclature: the author did not name the species. Lower case only, because virus names have capitals.
_OPEN = re.compile(r"(?:spp?|cf|aff|nr|gen|indet)\.?")

# Words in placeholder names, which are given to genomes without a name.
_PLACEHOLDER = re.compile(
    "uncultured|uncultivated|unidentified|unclassified|unknown|unassigned|undetermined|unspecified|unnamed|"
    "environmental|metagenom(?:e|ic)|incertae|sedis|mixed|artificial|synthetic|vector|hybrid|"
    "prokaryote|eukaryote|microorganism|(?:endo)?symbiont|archaeon|(?:eury|cren|thaum)archaeote|"
    "(?:(?:alpha|beta|gamma|delta|epsilon)?proteo|actino|cyano)?bacterium",
    re.IGNORECASE,
)

# Complete names: entries for a missing name in tables, errors of spreadsheets, and the Candidatus of a genus
# cut after that word.
_EMPTY = re.compile(
    "n[./]?a|nan|n[.]?d|none|null|nil|missing|blank|empty|undef(?:ined)?|unk|tb[ad]|"
    "to be (?:determined|announced|assigned|named|described|defined)|"
    "(?:unknown|uncultured|unclassified|unassigned|unidentified|undetermined|unspecified|unnamed|ambiguous|no)"
    "(?: (?:domain|kingdom|superkingdom|phylum|class|order|family|genus|species|strain|organism))?|"
    "#(?:n/a|na|null!?|ref!?|value!?|name[?]?|num!?|div/0!?)|"
    "others?|root|no (?:rank|name|support|hits?|match|classification|taxon|taxonomy|data)|"
    "not (?:yet )?(?:available|applicable|determined|assigned|classified|named|known|provided|collected|"
    "identified|specified|resolved|described|found|reported|recorded)|"
    "candidatus|ca[.]?",
    re.IGNORECASE,
)

# The mark of a rank before a name: d__ of GTDB, k__ of Greengenes, sk__ of taxonkit, D_0__ of SILVA.
_RANK_MARK = re.compile(r"(?:[a-z]|sk|D_\d+)__", re.IGNORECASE)
_VIRAL = re.compile(r"\w*(?:virus|phage|viroid|satellite)", re.IGNORECASE)


def bare_name(text: str) -> str:
    """A name without the mark of its rank and without blanks around it.

    >>> [bare_name(text) for text in ("s__Hyla arborea", "d__Bacteria", "Hyla", "s__")]
    ['Hyla arborea', 'Bacteria', 'Hyla', '']
    """
    return _RANK_MARK.sub("", text.strip(), count=1).strip() if "__" in text else text.strip()


@lru_cache(maxsize=1 << 16)  # a table has the same names again and again
def is_empty_name(name: str) -> bool:
    """Whether a name is only an entry for a missing name, with or without the mark of a rank.

    >>> [is_empty_name(name) for name in ("s__", "#N/A", "not assigned", "TBD", "-", "g__unclassified")]
    [True, True, True, True, True, True]
    >>> [is_empty_name(name) for name in ("Hyla arborea", "uncultured archaeon", "Bacillus sp.")]
    [False, False, False]
    """
    # Twice as fast as splitting by an expression; GTDB has 143,000 names of species.
    words = bare_name(name).translate(_MARKS).strip(" _()<>*.-").replace("_", " ").split()
    return not any(map(str.isalnum, name)) or not words or bool(_EMPTY.fullmatch(" ".join(words)))


def usable_name(rank: str, name: str) -> bool:
    """Whether a name stands for a taxon: only such names are used for thresholds and calls.

    GTDB's names with suffixes and numbers do; open nomenclature, placeholders and hybrid formulas do not.

    >>> [usable_name("species", name) for name in ("Escherichia coli_D", "Pseudomonas sp000746525")]
    [True, True]
    >>> [usable_name("species", name) for name in ("Bacillus sp. X", "uncultured archaeon", "NA")]
    [False, False, False]
    """
    words = re.split(r"[\s_]+", name.translate(_MARKS).strip(" _"))
    if is_empty_name(name) or not any(map(str.isalpha, name)):
        return False
    if any(_OPEN.fullmatch(word) or _PLACEHOLDER.fullmatch(word) for word in words):
        return False
    if rank in ("genus", "species") and words[-1] in ("group", "subgroup", "complex"):
        return False  # the Bacillus cereus group is several species
    if name.count("(") != name.count(")"):
        return False  # "(Cyprinus carpio" is a hybrid formula cut after its second word
    # "Malus x domestica" is a species, "Equus asinus x caballus" is two.
    return {"x", "×"}.isdisjoint(words[2:])


def species_genus(species: str) -> str | None:
    """The genus in a binomial; None if there is none, as in virus names and "X sp. Y".

    In "X sp. Y", X may be a family (NCBI has "Serranidae sp. JL-2015"), so it is not taken as a genus.

    >>> [species_genus(name) for name in ("[Clostridium] difficile", "Candidatus Riesia pediculicola")]
    ['Clostridium', 'Candidatus Riesia']
    >>> [species_genus(name) for name in ("Human immunodeficiency virus 1", "Escherichia")]
    [None, None]
    """
    words = species.translate(_MARKS).split()
    candidatus = words[:1] in (["Candidatus"], ["Ca."])
    genus, *rest = words[candidatus:] or [""]
    if not rest or not genus[0].isupper() or not rest[0][0].islower():
        return None
    if re.fullmatch(r"(?:spp?|gen|indet)\.?", rest[0]):
        return None
    if any(_PLACEHOLDER.fullmatch(word) or _VIRAL.fullmatch(word) for word in rest):
        return None
    return f"Candidatus {genus}" if candidatus else genus


# An organelle has the lineage of its eukaryote. Nearly all are below 3 Mbp: the largest of 7,382 published
# ones has 2.0 Mbp, while nuclear genomes start at 2.3 Mbp (Encephalitozoon). There are rare exceptions
# (mitochondria of Silene reach 11 Mbp, nucleomorphs have 0.5), so a label `kind` takes precedence.
MAX_ORGANELLE_BP = 3_000_000

_MOLECULES: dict[str, Molecule] = {
    **dict.fromkeys(("bacteria", "bacterium", "archaea", "archaeon", "prokaryote"), "prokaryote"),
    **dict.fromkeys(("virus", "viruses", "viroid", "phage", "bacteriophage"), "virus"),
    **dict.fromkeys(("organelle", "organelle_part", "mitochondrion", "mitochondrial"), "organelle"),
    **dict.fromkeys(("chloroplast", "plastid", "apicoplast", "kinetoplast"), "organelle"),
    "plasmid": "plasmid",
}


def molecule_of(taxon: Taxon, length_bp: int) -> Molecule:
    """The kind of molecule, whose priors calls on the genome use; "other" if nothing shows it.

    >>> molecule_of(Taxon(labels={"kind": "organelle:Metazoa"}), 17_553)
    'organelle'
    >>> molecule_of(Taxon(labels={"kind": "fungus"}), 12_000_000)
    'other'
    """
    kind = taxon.labels.get("kind", "").partition(":")[0]
    top = (part.strip() for part in taxon.labels.get("lineage", "").split(";"))
    # NCBI's full lineages start above the domains.
    first = next((part for part in top if part.lower() not in ("root", "cellular organisms")), "")
    for word in map(bare_name, (kind, taxon.lineage.name("superkingdom") or "", first)):
        if word.lower() in _MOLECULES:
            return _MOLECULES[word.lower()]
        if word.lower() in ("eukaryota", "eukarya") and length_bp < MAX_ORGANELLE_BP:
            return "organelle"
    return "other"
