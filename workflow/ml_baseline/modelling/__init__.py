"""Pipelines from a config entry, cross-validated and fitted; it knows no score."""
