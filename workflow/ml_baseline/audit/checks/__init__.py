"""The checks, in the order in which they run and are reported: importing one registers it.

Import statements and no loop: what a rule's code is, is read from them.
"""

# ruff: noqa: F401, I001
from ml_baseline.audit.checks import reading
from ml_baseline.audit.checks import sealed_holdout
from ml_baseline.audit.checks import class_sizes
from ml_baseline.audit.checks import exact_duplicates
from ml_baseline.audit.checks import near_duplicates
from ml_baseline.audit.checks import interpolated_rows
from ml_baseline.audit.checks import shared_entities
from ml_baseline.audit.checks import prepared_before_split
from ml_baseline.audit.checks import labels_of_others
from ml_baseline.audit.checks import model_score
from ml_baseline.audit.checks import single_feature
from ml_baseline.audit.checks import given_in_part
from ml_baseline.audit.checks import independent_columns
from ml_baseline.audit.checks import feature_pair
from ml_baseline.audit.checks import row_order
from ml_baseline.audit.checks import ids
from ml_baseline.audit.checks import time_order
from ml_baseline.audit.checks import train_holdout_shift
