"""Configs that are refused, each with what has to be said about it: one table for every door."""

import yaml

DUMMY = "dummy: {estimator: sklearn.dummy.DummyClassifier}"


def read(text):
    """Return the config as Snakemake reads it from a file."""
    return yaml.load(text, Loader=yaml.FullLoader)


def with_table(settings="", top=""):
    """Return a config of one sound table, with more settings for it and at the top level."""
    table = "table: data/raw/churn.csv, target: Churn"
    return read(f"datasets: {{churn: {{{table}{', ' if settings else ''}{settings}}}}}\n{top}")


# Settings at the top level.
BAD_TOP = [
    ("split: {test_size: 1.5}", "split.test_size: found 1.5; expected a number between 0 and 1"),
    ("split: {test_size: 1}", "split.test_size: found 1; expected a number between 0 and 1"),
    ("split: {test_size: .nan}", "split.test_size: found .nan; expected a number between"),
    ("split: {test_size: most}", 'split.test_size: found "most"; expected a number'),
    ("split: {strategy: grouped}", "expected one of stratified, group, time; did you mean group?"),
    ("split: stratified", 'split: found "stratified"; expected a mapping with the keys strategy'),
    ("split:", "split: found nothing; expected a mapping with the keys strategy, test_size"),
    ("splitt: {test_size: 0.2}", "splitt: there is no such key; did you mean split?"),
    ("split: {test_sise: 0.2}", "split.test_sise: there is no such key; did you mean split.test_s"),
    ("test_size: 0.3", "test_size: there is no such key; did you mean split.test_size?"),
    ("noise_fraq: 0.3", "noise_fraq: there is no such key; did you mean augment.noise_frac?"),
    ("target: Churn", "target: there is no such key; did you mean datasets.<name>.target?"),
    ("seed: 3", "seed: there is no such key; did you mean seeds?"),
    ("wombat: 3", "wombat: there is no such key; the keys here are datasets, seeds, table_form"),
    ("Yes: 3", "config: found the key true; expected text (YAML reads a bare Yes, No,"),
    ("seeds: []", "seeds: found []; expected a list of one or more"),
    ("seeds: [1, 1]", "seeds: found [1, 1]; expected a list of one or more"),
    ("seeds: 3", "[3] for one split with the seed 3, [1, 2, 3] for three splits"),
    ("seeds: '3'", 'found "3"; expected a list of one or more'),
    ("seeds: [1, -1]", "seeds[1]: found -1; expected a whole number from 0 to 2147483647"),
    ("seeds: [1, 4294967296]", "seeds[1]: found 4294967296; expected a whole number from 0"),
    ("seeds: [1.5]", "seeds[0]: found 1.5; expected a whole number from 0 to 2147483647"),
    ("seeds: {a: 1}", 'seeds: found {"a": 1}; expected a list of one or more'),
    ("table_format: feather", 'table_format: found "feather"; expected one of auto, csv, parquet'),
    ("sample_data: {customers: {rows: 49}}", "sample_data.customers.rows: found 49; expected a w"),
    ("sample_data: {customer: {rows: 60}}", "did you mean sample_data.customers?"),
    ("augment: none", 'augment: found "none"; expected a mapping with the keys method'),
    ("augment: {method: null}", "augment.method: found nothing; expected one of jitter, none"),
    ("augment: {method: off}", "augment.method: found false; expected one of jitter, none (YAML"),
    ("augment: {noise_frac: -0.1}", "augment.noise_frac: found -0.1; expected a number of at lea"),
    ("augment: {noise_frac: .inf}", "augment.noise_frac: found .inf; expected a number of at lea"),
    ("publish: {fit_on: holdout}", 'publish.fit_on: found "holdout"; expected one of all, train'),
    ("augment: {copies: 0}", "augment.copies: found 0; expected a whole number of at least 1"),
    ("augment: {copies: 1.5}", "augment.copies: found 1.5; expected a whole number of at least 1"),
    ("cv: {folds: 1}", "cv.folds: found 1; expected a whole number of at least 2"),
    ("cv: {folds: five}", 'cv.folds: found "five"; expected a whole number of at least 2'),
    ("preprocessing: {min_frequency: 0}", "preprocessing.min_frequency: found 0; expected a who"),
    ("preprocessing: {max_categories: 1}", "preprocessing.max_categories: found 1; expected a w"),
    ("threshold: 0", "threshold: found 0; expected a number between 0 and 1, both excluded"),
    ("threshold: true", "threshold: found true; expected a number between 0 and 1, both excluded"),
    ("select_by: ROC-AUC", 'select_by: found "ROC-AUC"; expected one of accuracy, precision'),
    ("select_by: auc", "did you mean pr_auc or roc_auc?"),
    ("baseline: dumy", "baseline: there is no model dumy; did you mean dummy?"),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, effort: thorough}}}}\nbaseline: rf",
        "baseline: rf is of more `effort`, or not installed; the models are dummy",
    ),
    ("effort: thorogh", 'effort: found "thorogh"; expected one of quick, standard, thorough; did'),
    ("intervals: {level: 95}", "intervals.level: found 95; expected a number between 0 and 1"),
    ("audit: {on_fail: ignore}", 'audit.on_fail: found "ignore"; expected one of warn, stop'),
    ("naive: perhaps", "naive: found"),
    ("models: {}", "models: found {}; expected a mapping of at least one model"),
    ("models: {dummy: null}", "models: no model is left; expected at least one"),
    (
        "models: {lr: {estimator: sklearn.svm.SVC}}",
        "models: there is no model dummy, the `baseline`; add `dummy: {estimator: ",
    ),
    ("models: {RF: {estimator: sklearn.svm.SVC}}", "models.RF: is not a valid name; expected low"),
    (f"models: {{{DUMMY}, rf: {{}}}}", "models.rf.estimator: is missing; expected the import path"),
    (f"models: {{{DUMMY}, rf: sklearn.svm.SVC}}", 'models.rf: found "sklearn.svm.SVC"; expected a'),
    (f"models: {{{DUMMY}, rf: {{estimator: SVC}}}}", 'models.rf.estimator: found "SVC"; expected '),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, C: 3}}}}",
        "models.rf.C: there is no such key; the estimator's own parameters stand under `params`",
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, parms: {{}}}}}}",
        "models.rf.parms: there is no such key; did you mean models.rf.params?",
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, params: [C, 3]}}}}",
        'models.rf.params: found ["C", 3]; expected a mapping {<parameter>: <value>}',
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, params: {{a b: 3}}}}}}",
        'models.rf.params["a b"]: is not a valid name; expected the name of a parameter',
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, params: {{C: 2024-01-31}}}}}}",
        "models.rf.params.C: found 2024-01-31; expected text, a number or the like (YAML reads it",
    ),
    (
        f"models: {{{DUMMY}, b: {{estimator: sklearn.ensemble.BaggingClassifier, "
        "params: {estimator: {estimator: sklearn.svm.SVC, C: 3}}}}",
        "models.b.params.estimator: an estimator inside another has two keys, estimator and params",
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, preprocessing: trees}}}}",
        'models.rf.preprocessing: found "trees"; expected one of linear, ranks, tree; did you mean',
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, from_rows: {{5k: {{C: 1}}}}}}}}",
        "models.rf.from_rows.5k: is not a valid name; expected a number of rows, such as 5000",
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, from_rows: {{50: {{a b: 1}}}}}}}}",
        'models.rf.from_rows.50["a b"]: is not a valid name; expected the name of a parameter',
    ),
    (
        f"models: {{{DUMMY}, rf: {{estimator: sklearn.svm.SVC, threads: 0}}}}",
        "models.rf.threads: found 0; expected auto or a whole number of at least 1",
    ),
]

# Settings of one table.
BAD_TABLE = [
    ("tabel: a.csv", "tabel: there is no such key; did you mean datasets.churn.table?"),
    (
        "test_size: 0.3",
        "test_size: there is no such key; did you mean datasets.churn.split.test_si",
    ),
    ("table_format: csv", "did you mean table_format, at the top level, for all tables?"),
    ("table: churn", 'table: found "churn"; expected the path of a .csv, .tsv, .txt, .xlsx, .xls,'),
    ("sheet: May", 'sheet: found "May"; a text file has no sheet; remove the key'),
    ("header_row: 0", "header_row: found 0; expected the number of a row, from 1"),
    ("table: .csv", 'table: found ".csv"; expected the path'),
    ("table: [a.csv]", 'table: found ["a.csv"]; expected the path'),
    (
        "target: Yes",
        "target: found true; expected the name of a column (YAML reads a bare Yes, No,",
    ),
    ('target: ""', 'target: found ""; expected the name of a column'),
    ("target:", "target: found nothing; expected the name of a column"),
    (
        "positive: 2024-01-31",
        "positive: found 2024-01-31; expected a label of the target, or a list",
    ),
    ("positive: []", "positive: found []; expected a label of the target, or a list of different"),
    ("positive: {a: 1}", 'positive: found {"a": 1}; expected a label of the target'),
    ('positive: 1, negative: [0, "1"]', 'negative: names "1", as positive does; choose one'),
    (
        "id: true",
        "id: found true; expected a list of different column names, or one column name (Y",
    ),
    ("id: [a, a]", 'id: found ["a", "a"]; expected a list of different column names'),
    ("id: [a, null]", "id[1]: found nothing; expected the name of a column"),
    ("id: Churn", "id: names Churn, as target does; the target cannot identify the rows"),
    (
        "drop: [a, Churn]",
        "drop: names Churn, as target does; the target cannot be left out",
    ),
    (
        "forbidden: Churn",
        "forbidden: names Churn, as target does; the target is never a feature",
    ),
    ("drop: a, forbidden: [b, a]", "forbidden: names a, as drop does; both leave the column out"),
    ("id: a, drop: a", "drop: names a, as id does; an id is kept but never learned from"),
    ("id: a, forbidden: a", "forbidden: names a, as id does; an id is never learned from"),
    (
        "encode: {Churn: {a: 1}}",
        "encode: names Churn, as target does; use positive and negative for",
    ),
    ("encode: {g: {Yes: 1}}", "encode.g: found the key true; expected text (YAML reads a bare Yes"),
    ("encode: {g: {~: 1}}", "encode.g: found the key nothing; expected text"),
    (
        "encode: {g: {2024-01-31: 1}}",
        "encode.g: found the key 2024-01-31; expected text (YAML read",
    ),
    ("encode: {g: {a: 1.5}}", "encode.g.a: found 1.5; expected a whole number"),
    ("encode: {g: {a: }}", "encode.g.a: found nothing; expected a whole number"),
    ("encode: {g: {a: b}}", 'encode.g.a: found "b"; expected a whole number'),
    ("encode: {g: {a: true}}", "encode.g.a: found true; expected a whole number"),
    ('encode: {g: {1: 0, "1": 1}}', "encode.g.1: is defined twice (once as a number)"),
    ("encode: {g: {}}", "encode.g: found {}; expected a mapping of at least one label"),
    (
        "encode: [g]",
        'encode: found ["g"]; expected a mapping {<column>: {<label>: <whole number>}}',
    ),
    ("dates: {s: Y-m-d}", 'dates.s: found "Y-m-d"; expected a format such as "%Y-%m-%d", or ISO8'),
    ("dates: {s: '%Y-%M-%d'}", 'dates.s: found "%Y-%M-%d"; %M is minutes, and there is no hour'),
    ("dates: {s: '%Y-%q'}", 'dates.s: found "%Y-%q"; strptime knows no %q'),
    ("dates: {s: '%Y%'}", 'dates.s: found "%Y%"; strptime knows no %'),
    ("dates: {s: '%Y'}, encode: {s: {a: 1}}", "dates: names s, as encode does; a column is either"),
    (
        "columns: {s: categroy}",
        'columns.s.kind: found "categroy"; expected one of number, category',
    ),
    ("columns: {s: categroy}", "did you mean category?"),
    ("columns: {s: {knid: date}}", "columns.s.knid: there is no such key; did you mean"),
    (
        "columns: {s: {}}",
        "columns.s: found {}; expected one of number, category, boolean, date, or a",
    ),
    (
        "columns: {s: 3}",
        "columns.s: found 3; expected one of number, category, boolean, date, or a m",
    ),
    ("columns: [s]", 'columns: found ["s"]; expected a mapping {<column>: <kind>} or'),
    ("columns: {Churn: category}", "columns: names Churn, as target does; the target is read by"),
    ("columns: {s: {format: '%Y-%q'}}", 'columns.s.format: found "%Y-%q"; strptime knows no %q'),
    (
        "columns: {s: {kind: number, format: '%Y'}}",
        "columns.s.format: a number has no format; write",
    ),
    ("columns: {s: {kind: date, decimal: ','}}", "columns.s.decimal: a date has no decimal; write"),
    (
        "columns: {s: {format: '%Y', decimal: ','}}",
        "columns.s: a date has no decimal or unit; take them",
    ),
    (
        "columns: {s: date}, dates: {s: '%Y'}",
        "columns.s: says how a column is read, as dates does; choose",
    ),
    (
        "columns: {s: date}, encode: {s: {a: 1}}",
        "columns.s: says how a column is read, as encode does; cho",
    ),
    (
        "separator: ;;",
        'separator: found ";;"; expected one character (no line break, no quotation mark); for a tab write "\\t"',
    ),
    (
        r"separator: \t",
        r'separator: found "\\t"; expected one character (no line break, no quotation mark); for a tab write "\t"',
    ),
    ("quote: ab", 'quote: found "ab"; expected one sign, such as "\'", or none'),
    ("quote: ',', separator: ','", 'quote: is ",", as separator is; they cannot be told apart'),
    ("escape: ab", 'escape: found "ab"; expected one sign, such as'),
    ("escape: '!', quote: '!'", 'escape: is "!", as quote is; they cannot be told apart'),
    ("decimal: ;", 'decimal: found ";"; expected "." or ","'),
    ("decimal: ',', separator: ','", 'decimal: is ",", as separator is; they cannot be told apart'),
    (
        "encoding: utf9",
        'encoding: found "utf9"; expected the name of a text encoding; did you mean ',
    ),
    ("encoding: hex", 'encoding: found "hex"; expected the name of a text encoding'),
    ("missing_values: [no]", "missing_values[0]: found false; expected text or a number (YAML rea"),
    (
        "split: {strategy: group}",
        "group: is missing; split.strategy is group, which needs the name",
    ),
    (
        "split: {strategy: time}",
        "time: is missing; split.strategy is time, which needs the name of",
    ),
    ("group: a, time: a", "time: names a, as group does; rows are grouped by equal values"),
    ("time: Churn", "time: names Churn, as target does; the target is a yes/no column"),
    ("group: Churn", "group: names Churn, as target does; rows of one group would all have"),
    ("plots: null", "plots: found nothing; expected a list of different plots: <column>_histogram"),
    ("plots: [a<b>_histogram]", 'plots[0]: found "a<b>_histogram"; expected one of <column>_hist'),
    ("plots: ['{x}_barplot']", 'plots[0]: found "{x}_barplot"; expected one of <column>_histogram'),
    (f"plots: [{'x' * 300}_barplot]", 'plots[0]: found "xxx'),
    (r'separator: "\0"', 'separator: found "\\u0000"; expected one character (no line break'),
    (r'separator: "\n"', 'separator: found "\\n"; expected one character (no line break'),
    ("separator: '\"'", "expected one character (no line break, no quotation mark)"),
    ("table: 'data/{x}.csv'", "this has a brace, which Snakemake takes for a wildcard"),
    ("table: 'data/<x>.csv'", "this has angle brackets, which Snakemake takes for a variable"),
    (r'table: "data/\0.csv"', "this has an invisible control character in it"),
    ("table: https://example.org/a.csv", "this is an address; download the file and name its path"),
    (f"table: {'x' * 300}.csv", "this is too long: a file's name has at most 255 characters"),
    (f"table: {'x/' * 2500}a.csv", "this is too long: a path has at most 4,095 characters"),
    ("plots: [age_histgram]", "target_by_feature, target; did you mean age_histogram?"),
    ("plots: [missing]", "target_by_feature, target; did you mean missingness?"),
    ("plots: [age_scatter]", 'plots[0]: found "age_scatter"; expected one of <column>_histogram'),
    ("plots: [a/b_histogram]", "<x>_<y>_scatter (with _ in place of / { } < >"),
    ("cv: {folds: 1}", "cv.folds: found 1; expected a whole number of at least 2"),
    ("cv: {fold: 3}", "cv.fold: there is no such key; did you mean datasets.churn.cv.folds?"),
    ("seeds: []", "seeds: found []; expected a list of one or more"),
    (
        "models: {dummy: null}",
        "baseline: there is no model dummy; the models are logistic_regressi",
    ),
    ("baseline: svm", "baseline: there is no model svm; the models are dummy, logistic_regression"),
    (
        "models: {ensemble: {estimator: sklearn.svm.SVC}}",
        "models.ensemble: is the name of a model that is made of the others; give this one another name",
    ),
    (
        "models: {dumy: null}",
        "models.dumy: null leaves a model out, but there is no model of this name",
    ),
    (
        "models: {rnadom_forest: {params: {max_depth: 3}}}",
        "models.rnadom_forest.estimator: is missing; expected the import path of a class (or to "
        "change an inherited model: did you mean random_forest?)",
    ),
    (
        "models: {random_forest: {n_estimators: 10}}",
        "models.random_forest.n_estimators: there is no such key; the estimator's own parameters",
    ),
]


# Every one of them as a whole config.
BAD_CONFIGS = [
    *((with_table(top=top), expected) for top, expected in BAD_TOP),
    *((with_table(settings), expected) for settings, expected in BAD_TABLE),
]

# Texts of config files, by what is wrong with them.
TABLE = "datasets:\n  churn: {table: a.csv, target: y}\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)
MAPPING_BOMB = "a: &a {1: x, 2: x, 3: x, 4: x, 5: x, 6: x, 7: x, 8: x, 9: x}\n" + "".join(
    f"{new}: &{new} {{{', '.join(f'{i}: *{old}' for i in range(10))}}}\n"
    for old, new in zip("abcdef", "bcdefg", strict=True)
)

BAD_TEXTS = {
    "section twice": (
        TABLE + "models: {a: {}}\nseeds: 1\nmodels: {b: {}}\n",
        "models is defined twice, on lines 3 and 5",
    ),
    "table twice": (
        TABLE + "  churn: {table: b.csv}\n",
        "datasets.churn is defined twice, on lines 2",
    ),
    "on one line": (
        "split: {test_size: 0.1, test_size: 0.2}\n",
        "split.test_size is defined twice, on line 1",
    ),
    "as number and text": ("a: {1: x, '1': y}\n", "a.1 is defined twice, on line 1"),
    "inside a list": ("a:\n- b: 1\n  b: 2\n", "a[0].b is defined twice, on lines 2 and 3"),
    "in JSON": ('{"seeds": 1,\n\t"seeds": 2}', "seeds is defined twice, on lines 1 and 2"),
    "two merges": ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a\n", "is defined twice, on lines 3 and 4"),
    "alias in itself": ("a: &a [*a]\n", "line 1: this value refers to itself by an alias"),
    "mapping in itself": ("a: &a\n  b: *a\n", "line 1: this value refers to itself by an alias"),
    "alias to nothing": ("a: *b\n", "line 1: not valid YAML: found undefined alias"),
    "bomb": (BOMB, "has more than 100,000 values"),
    "bomb of mappings": (MAPPING_BOMB, "has more than 100,000 values"),
    "deep": ("a: " + "[" * 200 + "]" * 200, "nested more than 100 levels deep"),
    "very deep": ("a: " + "[" * 100_000, "nested more than 100 levels deep"),
    "tab": ("datasets:\n\tchurn: 1\n", "line 2: not valid YAML: a tab; indent with spaces"),
    "open bracket": ("a: [1,\n", "line 2: not valid YAML"),
    "no colon": ("a: 1\nb\n", "line 3: not valid YAML"),
    "control character": ("a: 1\nb: \x07\n", "line 2: an invisible control character"),
    "null character": ("a: \x00\n", "line 1: an invisible control character"),
    "not UTF-8": (b"a: 1\nb: caf\xe9\n", "line 2: byte 0xe9 is not UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), "line 1: byte 0xff is not UTF-8"),
    "empty": ("", "line 1: the file is empty"),
    "comments alone": ("# nothing yet\n", "the file is empty"),
    "a list": ("- datasets\n", "line 1: expected keys such as `datasets:`"),
    "a word": ("datasets\n", "line 1: expected keys such as `datasets:`"),
    "nothing": ("---\n", "expected keys such as `datasets:`"),
    "two documents": (
        "a: 1\n---\nb: 2\n",
        "line 2: not valid YAML: expected a single document",
    ),
    "code of YTE": ("__use_yte__: true\na: ?1 + 1\n", "line 1: this lets the file run code"),
    "a Python tag": (
        "a: !!python/object/apply:os.system [ls]\n",
        "the tag !!python/object/apply:os",
    ),
    "a tuple": ("a: !!python/tuple [1]\n", "line 1: the tag !!python/tuple is not supported"),
    "binary": ("a: !!binary aGk=\n", "the tag !!binary is not supported"),
    "own tag": ("a: !mine 1\n", "the tag !mine is not supported"),
    "list as key": ("? [a, b]\n: 1\n", "line 1: a key has to be text"),
    "no such date": ("a: 1\nb: 2024-13-45\n", 'line 2: YAML reads "2024-13-45" as a number or a'),
    "no such date as key": ("2024-13-45: 1\n", 'line 1: YAML reads "2024-13-45" as a number or a'),
    "no number": ("a: 0x_\n", 'line 1: YAML reads "0x_" as a number or a date'),
    "number without end": (f"a: {'9' * 5000}\n", "as a number or a date, which it cannot be"),
    "merge of a number": ("a:\n  <<: 3\n", "line 2: not valid YAML"),
}
