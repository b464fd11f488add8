"""Metrics, intervals, comparisons and what explains a model; it knows no page."""
