"""The config's files, looked at before Snakemake reads them.

Its own loader takes the last of two equal keys in silence, and runs the code of a file that asks
for it (YTE).
"""

import sys

from ml_baseline.config.configuration import key_places
from ml_baseline.errors import InputError
from ml_baseline.jobs import snakemake_internals

KEY_PLACES = {}
if snakemake_internals.reads_config(workflow):
    try:
        KEY_PLACES = key_places(workflow.configfiles, workflow.config_settings.config)
    except InputError as error:
        sys.exit(str(error))
