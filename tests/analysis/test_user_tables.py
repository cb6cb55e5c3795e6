"""Tables that an experiment declares come out as declared; what it cannot mean is an error that names what it can."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from robustrank.analysis.catalogue import catalogue_of
from robustrank.errors import UsageError
from robustrank.report.view import view
from robustrank.report.write import shown, write_report
from robustrank.report_settings import Report
from tests.report_rows import frame, row


def attacked():
    for attack, successes in (("a:size=1", (1, 0, 0, 0)), ("b", (1, 1, 1, 0))):
        for ranker in ("bm25", "minilm"):
            at = {"task": "document-attack", "attack": attack, "ranker": ranker}
            for query, success in enumerate(successes):
                for condition, value in (("attacked", success), ("control", 0)):
                    yield row("success", value, f"q{query}", doc_id="d", condition=condition, **at)
                yield row("boost", 10 * success, f"q{query}", doc_id="d", condition="attacked", **at)
    for ranker, level in (("bm25", 0.5), ("minilm", 0.75)):
        for query in range(4):
            yield row("nDCG@10", level, f"q{query}", ranker=ranker)
            yield row("AP", level / 2, f"q{query}", ranker=ranker)


MAIN = {
    "name": "main",
    "title": "Attack success",
    "rows": ["attack"],
    "columns": ["asr", {"column": "boost", "digits": 0, "title": "gain"}, {"difference": ["asr", "control-asr"]}],
    "where": {"ranker": "bm25"},
    "sort": "-asr",
}


def table_of(declared, rows=None):
    catalogue = catalogue_of(frame(rows or attacked()), Report(tables=[declared]), rounds=100, permutations=50)
    return {table.name: table for table in catalogue.tables}[declared["name"]]


def test_a_table_comes_out_as_declared():
    table = table_of(MAIN)
    assert table.caption.startswith("Attack success, lee, 4 queries")
    assert table.keys == ("attack",)
    assert [column.title for column in table.columns] == ["ASR", "gain", "ASR - ASR of the random-edit baseline"]
    assert [line.labels for line in table.lines] == [("b",), ("a:size=1",)], "sorted by ASR, descending"
    assert [[cell.text for cell in row.cells] for row in view(table).rows] == [
        ["4", "75", "8", "+75"],
        ["4", "25", "2", "+25"],
    ]
    assert table.headline == 2


def defended():
    for defense, successes in (("none", (1, 1)), ("certdr", (0, 0))):
        at = {"task": "document-attack", "attack": "a", "defense": defense, "condition": "attacked"}
        for query, success in enumerate(successes):
            yield row("success", success, f"q{query}", doc_id="d", **at)


def test_what_rows_do_not_name_is_chosen_or_told():
    declared = {"name": "main", "title": "T", "rows": "attack", "columns": "asr"}
    chosen = table_of({**declared, "where": {"defense": "none"}}, list(defended()))
    assert [(line.values[0].estimate, line.units) for line in chosen.lines] == [(1, 2)]
    assert "means over" not in chosen.legend
    pooled = table_of(declared, list(defended()))
    assert pooled.lines[0].values[0].estimate == 0.5
    assert "Figures are means over defenses: certdr, none." in pooled.legend


def test_a_mean_over_all_attacks_is_not_that_of_the_summary_over_shared_ones():
    at = {"task": "document-attack", "doc_id": "d", "condition": "attacked"}
    rows = [row("success", 1, f"q{q}", attack="only bm25's", **at) for q in range(4)]
    rows += [row("success", 0, f"q{q}", attack="shared", ranker=r, **at) for q in range(4) for r in ("bm25", "minilm")]
    declared = {"name": "main", "title": "T", "rows": "ranker", "columns": "asr"}
    tables = catalogue_of(frame(rows), Report(tables=[declared]), rounds=0).tables
    asr = {table.name: [line.values[0].estimate for line in table.lines] for table in tables}
    assert asr["summary"] == [0, 0]
    assert asr["main"] == [0.5, 0]


def test_columns_of_several_tasks_stand_side_by_side():
    table = table_of({"name": "all", "title": "All", "rows": "ranker", "columns": ["ndcg", "AP", "asr"]})
    assert [line.labels for line in table.lines] == [("bm25",), ("minilm",)]
    values = [[value.estimate for value in line.values] for line in table.lines]
    assert values == [[0.5, 0.25, 0.5], [0.75, 0.375, 0.5]]


def test_a_fact_needs_no_declaration():
    columns = [{"column": "success/control", "percent": True, "digits": 1}, "boost/attacked"]
    table = table_of({"name": "facts", "title": "Facts", "rows": ["ranker"], "columns": columns})
    assert [column.title for column in table.columns] == ["success/control", "boost/attacked"]
    assert [value.estimate for value in table.lines[0].values] == [0, 5]


def test_measures_can_be_rows():
    declared = {**MAIN, "orientation": "rows"}
    turned = shown(table_of(declared), Report(tables=[declared]).tables[0])
    assert turned.keys == ("measure",)
    assert turned.heads == ("b", "a:size=1")
    assert [row.labels[0] for row in turned.rows][1:3] == ["ASR (%) ↓", "gain ↓"]


@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        ({"columns": ["asrr"]}, "no column 'asrr'", "'asr'"),
        ({"where": {"ranker": "bm52"}}, "no row is about ranker 'bm52'", "'bm25'"),
        ({"sort": "bost"}, "no column 'bost' to sort by", "'boost'"),
        ({"columns": [{"difference": ["ndcg", "asr"]}]}, "is not a mean of differences", ""),
    ],
)
def test_what_a_run_lacks_is_named_with_what_it_has(change, said, hint):
    with pytest.raises(UsageError, match=said) as caught:
        table_of({**MAIN, **change})
    assert "report: tables: main" in str(caught.value.where)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": []},
        {"columns": [{}]},
        {"columns": [{"column": "asr", "difference": ["asr", "boost"]}]},
        {"rows": ["rankers"]},
        {"name": "Main Table"},
        {"width": "page"},
    ],
)
def test_what_no_run_could_have_is_refused_with_the_experiment(change):
    with pytest.raises(ValidationError):
        Report(tables=[{**MAIN, **change}])
    with pytest.raises(ValidationError, match="two are called main"):
        Report(tables=[MAIN, MAIN])


def test_the_experiment_chooses_the_tables_in_front():
    catalogue = catalogue_of(frame(attacked()), Report(tables=[MAIN], headline=["main", "iid-variance"]), rounds=0)
    assert [table.name for table in catalogue.tables if table.headline] == ["main", "iid-variance"]
    with pytest.raises(UsageError, match="no table 'mian'"):
        _ = catalogue_of(frame(attacked()), Report(headline="mian"), rounds=0).tables


def test_the_file_of_a_run_declares_its_tables(write):
    folder = write(attacked())
    (folder / "experiment.yaml").write_text(
        "name: x\ncollections: lee\nrankers: [bm25]\ntasks: [iid-variance]\n"
        "report:\n  tables:\n    - {name: main, title: Mine, rows: attack, columns: [asr], ci: 'off', width: column}\n"
    )
    (folder / "manifest.json").unlink(missing_ok=True)
    write_report(folder)
    tex = (folder / "report" / "tables" / "main.tex").read_text()
    assert "\\begin{table}" in tex
    assert "75" in tex
    assert "{[}" not in tex, "no interval"
