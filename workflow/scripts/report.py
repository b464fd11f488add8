from ml_baseline.jobs.job_log import job_log

with job_log(snakemake, warm="tables"):
    from pathlib import Path

    import yaml

    from ml_baseline.files import write_text
    from ml_baseline.report.page import report_page
    from ml_baseline.report.sources import read_sources

    files = dict(snakemake.input.items())
    templates = Path(files.pop("templates")[0]).parent
    cfg = snakemake.params.cfg
    settings = cfg | {
        "config": yaml.safe_dump(cfg["config"], sort_keys=False, allow_unicode=True, width=100),
        "cleaned_table": files.pop("table"),
        "target": snakemake.output[0],
    }
    page = report_page(read_sources(files), settings, templates)
    write_text(page, snakemake.output[0])
