"""The config's files, looked at before Snakemake reads them.

Its own loader takes the last of two equal keys in silence, and runs the code of a file that asks
for it (YTE).
"""

import sys
from pathlib import Path

# So that the library is found without being installed (under conda, on a cluster).
sys.path.insert(0, str(Path(workflow.current_basedir).parent))

from ml_baseline.config.configuration import key_places
from ml_baseline.errors import InputError

KEY_PLACES = {}
# The jobs of a cluster read this again; a module is given its config by the workflow that uses it.
if workflow.is_main_process and not workflow.modifier.skip_configfile:
    try:
        KEY_PLACES = key_places(workflow.configfiles)
    except InputError as error:
        sys.exit(str(error))
