for batch in PREDICTIONS:

    rule:
        name:
            f"predict_{batch}"
        input:
            **batch_inputs(batch),
        output:
            prediction_files(batch),
        log:
            f"results/logs/{PREDICTIONS[batch]['dataset']}/predictions/{batch}.log",
        conda:
            CONDA_ENVIRONMENT
        resources:
            **needs("rows", PREDICTIONS[batch]["input"]),
        params:
            cfg=canonical(PREDICTIONS[batch]),
            code=code("predict"),
        message:
            f"Predicting {batch} with the run of {PREDICTIONS[batch]['dataset']}"
        script:
            "../scripts/predict.py"
