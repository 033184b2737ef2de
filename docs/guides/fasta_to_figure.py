# %% [markdown]
# # From a folder of FASTA files to a figure
#
# This notebook builds an index of the simulated demo collection, looks at it as a table, classifies two
# genomes, and draws the evidence of the calls. Run it from the top of the repository; it needs the extra
# `report` and pandas.

# %%
from pathlib import Path

from matplotlib.figure import Figure

from genome_index import Index, build_index

DEMO = Path("data/demo")

# %% [markdown]
# ## Build
#
# One genome per file; the names are in a table with a column `genome_id` and the ranks.

# %%
summary = build_index([DEMO / "genomes"], "notebook-index", taxonomy=DEMO / "taxonomy.tsv")
index = Index.open("notebook-index")
print(f"{summary.added} genomes added, {len(summary.failures)} inputs failed")

# %% [markdown]
# ## Look
#
# `to_frame` returns the genomes as a data frame, `sql` the rows of a query.

# %%
genomes = index.to_frame("pandas")
genomes[["genome_id", "length_bp", "family", "genus", "species", "habitat"]].head()

# %%
for row in index.sql("SELECT family, count(*) AS genomes FROM genomes GROUP BY family ORDER BY family"):
    print(row)

# %% [markdown]
# ## Classify
#
# `sample.fasta` is a new genome of a known species, `novel.fasta` a new species of a known genus.

# %%
calls = index.query([DEMO / "sample.fasta", DEMO / "novel.fasta"], k=12)
for call in calls:
    print(f"{call.query}: {call.name} ({call.verdict}), confidence {call.confidence:.2f}")
    print(call.reason)

# %% [markdown]
# ## Draw
#
# Each point is a reference: its ANI to the query, and the aligned fraction of the query. The dotted line is
# 95 % ANI. For `sample` one species stands apart from all others; for `novel` none does.

# %%
figure = Figure(figsize=(9, 3.6), layout="constrained")
for axes, call in zip(figure.subplots(1, 2, sharex=True, sharey=True), calls, strict=True):
    measured = [hit for hit in call.hits if hit.evidence.ani is not None]
    for species in sorted({str(hit.species) for hit in measured}):
        hits = [hit for hit in measured if hit.species == species]
        axes.scatter(
            [hit.evidence.ani for hit in hits], [hit.evidence.af_query for hit in hits], label=species
        )
    axes.axvline(95, color="grey", linestyle=":", linewidth=1)
    axes.set(title=f"{call.query}: {call.name}", xlabel="ANI, percent")
    axes.legend(fontsize="small")
figure.axes[0].set_ylabel("aligned fraction of the query, percent")
figure
