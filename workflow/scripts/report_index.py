from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from pathlib import Path

    from ml_baseline.files import write_text
    from ml_baseline.report.index import index_page, read_table_results

    tables = [
        read_table_results(name, **files) for name, files in snakemake.params.cfg["tables"].items()
    ]
    templates = Path(snakemake.input.templates[0]).parent
    write_text(index_page(tables, templates), snakemake.output[0])
