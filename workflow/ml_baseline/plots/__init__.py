"""Pictures of a cleaned table for people to read: its columns, and what tells the classes apart.

A picture is asked for by its name, which is also its file's: `target`, `histograms` and the like
show the whole table; `<column>_histogram`, `<column>_barplot`, `<column>_<column>_scatter` show one
column or two. The two classes of the target have the same two colours in all of them. The same
table gives the same bytes.

A new kind of picture is one function with `@picture` (`registry`), imported here.
"""

# Importing them registers their pictures.
from ml_baseline.plots import bars, heatmap, histogram, scatter  # noqa: F401
from ml_baseline.plots.registry import PICTURES, draw, resolve
from ml_baseline.plots.style import NEGATIVE, POSITIVE, save

__all__ = ["NEGATIVE", "PICTURES", "POSITIVE", "draw", "resolve", "save"]
