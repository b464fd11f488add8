"""The checks, in the order in which they run and are reported: importing one registers it."""

from importlib import import_module

ORDER = """
sealed_holdout class_sizes exact_duplicates near_duplicates interpolated_rows shared_entities
prepared_before_split model_score single_feature missing_values feature_pair row_order ids time_order
train_holdout_shift
"""
for name in ORDER.split():
    import_module(f"{__name__}.{name}")
