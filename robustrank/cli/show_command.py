"""``robustrank show``: attacked texts of a run with what was changed in them, and what a query has measured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from robustrank.errors import DataError, UsageError, nearest
from robustrank.printing import counted, printable
from robustrank.records import Edit

if TYPE_CHECKING:
    from rich.console import Console

    from robustrank.rows import Coordinates

OUTCOMES = ("success", "failure", "unedited")
_QUERY_LENGTH = 300  # characters of a query in a heading


@click.command("show")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option("--query", help="The id of a query: what it has measured, and its attacked texts.")
@click.option("--attack", help="Name or label of an attack.")
@click.option("--ranker", help="Name or label of a ranker.")
@click.option("--defense", help="Name or label of a defense.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Of the attack on the document.")
@click.option("--worst", type=click.IntRange(0), default=3, show_default=True, help="Texts shown, largest boost first.")
@click.option("--measure", default="nDCG@10", show_default=True, help="What is shown of --query.")
@click.option("--whole", is_flag=True, help="Show whole texts, not what is near an edit alone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: whole texts, all their measures.")
def command(
    run: Path,
    query: str | None,
    attack: str | None,
    ranker: str | None,
    defense: str | None,
    outcome: str | None,
    worst: int,
    measure: str,
    whole: bool,
    as_json: bool,
) -> None:
    """Show the attacked texts of the run folder RUN: what was deleted and inserted, ranks before and after.

    On a terminal deleted words are red, inserted ones green; in a pipe they are [-deleted-] and {+inserted+}.
    """
    from robustrank.cli.screen import screen

    wanted = {"attack": attack, "ranker": ranker, "defense": defense}
    values = _values(run, query, wanted) if query is not None else []
    chosen = _chosen(attacked_texts(run, wanted), query, outcome, run, has_other=bool(values))
    shown = sorted(chosen, key=lambda text: -text.boost)[:worst]
    if as_json:
        content: dict[str, Any] = {"count": len(chosen), "texts": [text.as_dict() for text in shown]}
        click.echo(json.dumps({"query": query, "measures": values, **content} if query is not None else content))
        return
    console = screen()
    if values:
        _show_values(str(query), values, measure, console)
    for text in shown:
        _show(text, console, whole)
    if chosen:
        console.print(f"{len(shown)} of {counted(len(chosen), 'attacked text')}, largest boost first", markup=False)


@dataclass(frozen=True)
class AttackedText:
    """An attacked document or query of a run."""

    cell: Coordinates
    record: Mapping[str, Any]
    edits: Sequence[Edit]

    def value(self, measure: str, condition: str = "attacked") -> float | None:
        """Return a measure of the document; None where it was not measured."""
        return next(
            (
                metric["value"]
                for metric in self.record.get("metrics", ())
                if (metric["measure"], metric["condition"]) == (measure, condition) and metric["cutoff"] is None
            ),
            None,
        )

    @property
    def boost(self) -> float:
        """Ranks gained; below any boost where none was measured, as for queries."""
        boost = self.value("boost")
        return float("-inf") if boost is None else boost

    @property
    def outcome(self) -> str:
        """One of ``OUTCOMES``; "edited" for a query, whose success is not measured one by one."""
        if self.record["before"] == self.record["after"]:
            return "unedited"
        success = self.value("success")
        return "edited" if success is None else "success" if success else "failure"

    def as_dict(self) -> dict[str, Any]:
        """Return the record with the labels of its cell and the outcome."""
        labels = {key: value for key, value in self.cell.columns.items() if key != "family"}
        return {**self.record, **labels, "outcome": self.outcome}


def attacked_texts(run: Path, wanted: Mapping[str, str | None]) -> list[AttackedText]:
    """Return the attacked texts of a run, in the order of its plan.

    Args:
        run: The run folder.
        wanted: The name or label of the attack, ranker or defense that texts are of; None is any.

    Raises:
        DataError: It is no run folder, or a file of it is damaged.
        UsageError: No cell with an attack is of such a one.
    """
    from robustrank.adversarial import texts_of_cell
    from robustrank.analysis.load import load_cells
    from robustrank.run_files import cell_folders, read_run_file

    read_run_file(run, "cells.jsonl")  # refuses what is no run
    cells = load_cells(run)
    folders = {folder.name: folder for folder in cell_folders(run)}
    attacking = [cell for cell in cells if cell.attack and cell.key in folders]
    for axis, name in wanted.items():
        labels = list(dict.fromkeys(getattr(cell, axis).label for cell in attacking))
        if name is not None and attacking and not any(_is_called(getattr(cell, axis), name) for cell in attacking):
            raise UsageError(
                f"no attacked text has the {axis} {name!r}", allowed=", ".join(labels), hint=nearest(name, labels)
            )
    return [
        AttackedText(cell, record, edits)
        for cell in attacking
        if all(name is None or _is_called(getattr(cell, axis), name) for axis, name in wanted.items())
        for record, edits in texts_of_cell(folders[cell.key])
    ]


def _chosen(
    texts: Sequence[AttackedText], query: str | None, outcome: str | None, run: Path, has_other: bool
) -> list[AttackedText]:
    """Return the texts of a query and an outcome.

    Raises:
        DataError: The run has no attacked texts.
        UsageError: None of them is like that; the message says what there is.
    """
    chosen = [t for t in texts if query in (None, t.record["query_id"]) and outcome in (None, t.outcome)]
    if chosen or has_other:
        return chosen
    if not texts:
        raise DataError("the run has no attacked texts", where=str(run), allowed="a run with attacks that were done")
    outcomes, queries = (
        Counter(text.outcome for text in texts),
        dict.fromkeys(text.record["query_id"] for text in texts),
    )
    raise UsageError(
        "no attacked text is like that",
        where=str(run),
        allowed="; ".join([", ".join(f"{n} {o}" for o, n in outcomes.items()), f"queries {', '.join(queries)}"]),
    )


def _is_called(point: Any, name: str) -> bool:
    """Return whether a plug-in has the name or label, or is a point of the sweep of that label."""
    return any(text == name or text.startswith(f"{name}:") for text in (point.label, point.name))


def _show(text: AttackedText, console: Console, whole: bool) -> None:
    from robustrank.cli.difference import difference

    cell, record = text.cell, text.record
    served = [cell.ranker.label] + ([cell.defense.label] if cell.defense.name != "none" else [])
    attack = cell.attack.label if cell.attack else ""
    lines = [" · ".join([attack, cell.collection.label, *served, f"seed {cell.seed}"])]
    if record["doc_id"]:
        lines.append(f"query {record['query_id']}: {_short(record['query'])}")
        lines.append(f"document {record['doc_id']}: {', '.join(_facts(text))}")
    else:
        lines.append(f"query {record['query_id']}, variant {record.get('variant', 0)}: {text.outcome}")
    lines += [f"note: {record['note']}"] if record["note"] else []
    for line in lines:
        console.print(printable(line), markup=False, overflow="fold")
    has_colour = console.is_terminal and not console.no_color
    console.print(difference(record["before"], text.edits, has_colour, whole))
    console.print()


def _facts(text: AttackedText) -> Iterable[str]:
    yield text.outcome
    for measure, digits in (("rank", 0), ("score", 3)):
        before, after = text.value(measure, "clean"), text.value(measure)
        if before is not None and after is not None:
            yield f"{measure} {before:.{digits}f} → {after:.{digits}f}"
    yield counted(len(text.edits), "edit")
    queries = text.value("queries", "")
    if queries is not None:
        yield f"{counted(int(queries), 'query')} to the victim"


def _short(query: str) -> str:
    return query if len(query) <= _QUERY_LENGTH else f"{query[: _QUERY_LENGTH - 1]}…"


def _values(run: Path, query: str, wanted: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Return what was measured of a query, means over seeds and folds: a record for each fact and served ranker.

    Raises:
        UsageError: The run has no such query.
    """
    from robustrank.analysis.load import load_cells, load_rows
    from robustrank.rows import FACT

    rows = load_rows(run)
    if query not in set(rows["query_id"]):
        ids = [query_id for query_id in dict.fromkeys(rows["query_id"]) if query_id]
        raise UsageError(f"the run has no query {query!r}", allowed=", ".join(ids), hint=nearest(query, ids))
    cells = {
        cell.key
        for cell in load_cells(run)
        if all(
            name is None or (point := getattr(cell, axis)) is None or _is_called(point, name)
            for axis, name in wanted.items()
        )
    }
    rows = rows[(rows["query_id"] == query) & (rows["doc_id"] == "") & rows["value"].notna() & rows["cell"].isin(cells)]
    by = ["task", "collection", "ranker", "defense", "attack", *FACT]
    means = rows.groupby(by, sort=False, dropna=False, observed=True)["value"].agg(["mean", "count"]).reset_index()
    records = json.loads(means.rename(columns={"mean": "value", "count": "n"}).to_json(orient="records"))
    return [dict(record) for record in records]


def _show_values(query: str, values: Sequence[Mapping[str, Any]], measure: str, console: Console) -> None:
    """Print a measure of a query: a line for each served ranker and attack, a column for each condition."""
    from rich.table import Table

    measures = list(dict.fromkeys(value["measure"] for value in values))
    if measure not in measures:
        raise UsageError(
            f"{measure!r} was not measured of query {query!r}",
            allowed=", ".join(measures) or "nothing",
            hint=nearest(measure, measures),
        )
    lines: dict[str, dict[str, float]] = {}
    for value in values:
        if value["measure"] == measure and not value["group"]:
            parts = [value["collection"], value["ranker"], value["defense"], value["attack"]]
            name = " · ".join(part for part in parts if part and part != "none")
            column = "R" if value["radius"] is not None else value["condition"] or "clean"
            if value["k"] is not None:
                column = f"K={value['k']:.0f}, R={value['radius']}"
            lines.setdefault(name, {}).setdefault(column, value["value"])
    columns = list(dict.fromkeys(column for line in lines.values() for column in line))
    table = Table(f"query {printable(query)}: {measure}", *columns, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, line in lines.items():
        table.add_row(printable(name), *(f"{line[c]:.3f}" if c in line else "–" for c in columns))
    console.print(table)
    console.print()
