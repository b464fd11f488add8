from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables", recorded=False):
    from pathlib import Path

    from ml_baseline.data import sample_data
    from ml_baseline.data.tables import write_table
    from ml_baseline.files import whole_file

    cfg = snakemake.params.cfg
    table, source = sample_data.make(cfg["sample"], cfg.get("rows"), cfg.get("seed"))
    write_table(table, snakemake.output.table)
    with whole_file(snakemake.output.source) as temporary:
        Path(temporary).write_text(source, encoding="utf-8")
