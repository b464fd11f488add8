from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from pathlib import Path

    from ml_baseline.files import whole_file
    from ml_baseline.report.index import index_page, read_table_results

    tables = [
        read_table_results(name, **files) for name, files in snakemake.params.cfg["tables"].items()
    ]
    templates = Path(snakemake.input.templates[0]).parent
    with whole_file(snakemake.output[0]) as temporary:
        Path(temporary).write_text(index_page(tables, templates), encoding="utf-8")
