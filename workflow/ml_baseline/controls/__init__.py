"""Controls: what is found where nothing is, and what the naive protocol would claim."""
