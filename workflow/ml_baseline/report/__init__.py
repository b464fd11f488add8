"""The report: one page for each table and an index of them, made from the result files alone."""
