"""How jobs run: logs, workers, locks, code hashes, and every use of Snakemake's internals."""
