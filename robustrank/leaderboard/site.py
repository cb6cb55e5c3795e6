"""The leaderboard as a static site from a folder of entries: the same entries, the same bytes; it loads nothing."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup, escape

from robustrank.leaderboard.entries import PUBLISHED
from robustrank.leaderboard.entry import Entry, Measured
from robustrank.report import latex
from robustrank.report.page import Cell, TableView, asset, policy, templates
from robustrank.report.view import Cell as TextCell
from robustrank.report.view import Row, View
from robustrank.storage import write_file
from robustrank.suites.suite import Measure, Suite, load_suite

COLOURED = 0.05  # difference of a reported and a measured figure from which it is marked
_LABELS = ("kind", "access", "status", "flags")


@dataclass(frozen=True)
class Listed:
    """An entry with the name of its files."""

    slug: str
    entry: Entry

    @property
    def title(self) -> str:
        """Its name, with its defense."""
        system = self.entry.system
        return f"{system.name} + {system.defense.partition(' ')[0]}" if system.defense else system.name

    def of(self, measure: str) -> Measured | None:
        """Return its figure of a measure."""
        return next((figure for figure in self.entry.measured if figure.measure == measure), None)


def build(entries: Mapping[Path, Entry], out: Path) -> list[Path]:
    """Write the site: an index, a page for each suite and each system, and the tables as CSV, JSON and LaTeX.

    Args:
        entries: The entries by file.
        out: The folder; what an earlier build left there is removed.

    Returns:
        The pages.
    """
    contents = dict(_contents(entries))
    for folder in {name.partition("/")[0] for name in contents if "/" in name}:
        shutil.rmtree(out / folder, ignore_errors=True)
    for name, content in contents.items():
        write_file(out / name, content)
    return [out / name for name in contents if name.endswith(".html")]


def _contents(entries: Mapping[Path, Entry]) -> Iterator[tuple[str, str]]:
    """Yield the path of each file of the site, and its content."""
    by_suite: dict[str, list[Listed]] = {}
    for path, entry in entries.items():
        by_suite.setdefault(entry.suite or PUBLISHED, []).append(Listed(path.stem, entry))
    suites = {name: load_suite(name) for name in by_suite if name != PUBLISHED}
    yield "index.html", _page("index.html", "Leaderboard", "", suites=suites.values(), by_suite=by_suite)
    for name, suite in suites.items():
        ranked = in_order(suite, by_suite[name])
        yield f"{name}.html", _page("suite.html", name, "", suite=suite, table=suite_table(suite, ranked))
        yield from _data(name, suite, ranked)
        for listed in ranked:
            yield f"{name}/{listed.slug}.html", _system_page(suite, listed, by_suite)
    if published := sorted(by_suite.get(PUBLISHED, ()), key=lambda listed: listed.slug):
        yield f"{PUBLISHED}.html", _page("published.html", "Reported by papers", "", table=reported_table(published))
        yield f"{PUBLISHED}.csv", _csv(reported_records(published))
        yield f"{PUBLISHED}.json", _json(reported_records(published))


def in_order(suite: Suite, entries: Iterable[Listed]) -> list[Listed]:
    """Return entries by what is known of the headline, the best first, then by the other measures of the suite."""
    measures = [suite.by_name[suite.headline], *(m for m in suite.measures if m.name != suite.headline)]

    def key(listed: Listed) -> tuple[object, ...]:
        figures = [(measure, listed.of(measure.name)) for measure in measures]
        signs = [-1 if measure.direction == "higher" else 1 for measure, _ in figures]
        values = [(f is None, sign * f.known if f else 0.0) for (_, f), sign in zip(figures, signs, strict=True)]
        return (listed.entry.superseded_by is not None, *values, listed.slug)

    return sorted(entries, key=key)


def suite_table(suite: Suite, ranked: Sequence[Listed]) -> TableView:
    """Return the table of a suite: a row for each system, what is known of each measure, and what papers report."""
    rows = []
    for listed in ranked:
        entry = listed.entry
        name = Markup('<a href="{}/{}.html">{}</a>').format(suite.name, listed.slug, listed.title)
        access = entry.threat.access_granted if entry.threat else ""
        labels = (name, entry.system.kind, access, _badge(entry.status), Markup(" ").join(map(_flag, entry.flags)))
        rows.append((labels, tuple(_cell(listed, measure) for measure in suite.measures)))
    columns = tuple(_heading(suite, measure) for measure in suite.measures)
    links = tuple((kind.upper(), f"{suite.name}.{kind}") for kind in ("csv", "json", "tex"))
    caption = f"{suite.description} What is known: the worst of what was measured and of verified external evaluations."
    return TableView(suite.name, suite.name, caption, ("system", *_LABELS), columns, tuple(rows), (), links)


def _heading(suite: Suite, measure: Measure) -> str:
    arrow = "↑" if measure.direction == "higher" else "↓"
    return f"{measure.name} {arrow}{' (headline)' if measure.name == suite.headline else ''}"


def _cell(listed: Listed, measure: Measure) -> Cell:
    figure = listed.of(measure.name)
    if figure is None:
        return Cell("–")
    interval = f"[{figure.ci[0]:.3f}, {figure.ci[1]:.3f}]" if figure.ci else ""
    reported = [r.value for r in listed.entry.reported if r.measure == measure.name]
    if reported:
        difference = reported[0] - figure.known
        mark = " !" if abs(difference) > COLOURED else ""
        interval += f" reported {reported[0]:.3f} ({difference:+.3f}{mark})"
    return Cell(f"{figure.known:.3f}", figure.known, interval.strip(), "e" if figure.known != figure.value else "")


def _badge(status: str) -> Markup:
    return Markup('<span class="status {}">{}</span>').format(status, status)


def _flag(flag: str) -> Markup:
    name, _, share = flag.partition(":")
    text = f"{name} {float(share):.2f}" if share else name
    return Markup('<span class="flag {}">{}</span>').format(name, text)


def _system_page(suite: Suite, listed: Listed, by_suite: Mapping[str, Sequence[Listed]]) -> str:
    system = listed.entry.system
    others = [
        (name, other.slug)
        for name, entries in by_suite.items()
        for other in entries
        if name not in (suite.name, PUBLISHED)
        and (other.entry.system.ranker, other.entry.system.defense) == (system.ranker, system.defense)
    ]
    figures = TableView(
        "figures",
        "Figures",
        "Measured by the submitter; known is the worst, with verified external evaluations.",
        ("measure",),
        ("known", "measured", "n"),
        tuple(
            (
                (_heading(suite, measure),),
                (
                    _cell(listed, measure),
                    Cell(f"{figure.value:.3f}", figure.value),
                    Cell(str(figure.n), figure.n),
                ),
            )
            for measure in suite.measures
            if (figure := listed.of(measure.name))
        ),
    )
    commands = "\n".join(_commands(suite, listed))
    return _page(
        "system.html", listed.title, "../", suite=suite, listed=listed, table=figures, commands=commands, others=others
    )


def _commands(suite: Suite, listed: Listed) -> Iterator[str]:
    """Yield the commands that measure a system anew, and those that check its entry."""
    system = listed.entry.system
    written = [
        f"--{name} '{_mapping(text)}'"
        for name, text in (("ranker", system.ranker), ("defense", system.defense))
        if text
    ]
    yield f"pip install 'robustrank[quickstart]>={suite.minimum_version}'"
    yield f"robustrank run suite:{suite.name} {' '.join(written)} --out again"
    yield f"robustrank verify entries/{suite.name}/{listed.slug}.json"
    if suite.words is not None:
        yield f"robustrank verify entries/{suite.name}/{listed.slug}.json --external adversarial.jsonl --by NAME"


def _mapping(text: str) -> str:
    """Return a plug-in with its parameters as a mapping that --ranker and --defense take."""
    name, _, parameters = text.partition(" ")
    return json.dumps({"name": name, **json.loads(parameters or "{}")}, ensure_ascii=False).replace("'", "'\\''")


def reported_records(published: Sequence[Listed]) -> list[dict[str, object]]:
    """Return a record for each figure that a paper reports: never without its victim, targets and access."""
    return [
        {"system": listed.entry.system.name, **figure.model_dump(mode="json")}
        for listed in published
        for figure in listed.entry.reported
    ]


def reported_table(published: Sequence[Listed]) -> TableView:
    """Return the table of the figures that papers report."""
    keys = ("system", "measure", "attack", "victim", "targets", "access", "collection", "source")
    rows = tuple(
        (
            tuple(_source(record) if key == "source" else str(record[key]) for key in keys),
            (Cell(f"{record['value']:g}{record['unit']}", float(str(record["value"]))),),
        )
        for record in reported_records(published)
    )
    caption = "Figures of papers, not measured here. They are of different victims, targets and collections."
    links = (("CSV", f"{PUBLISHED}.csv"), ("JSON", f"{PUBLISHED}.json"))
    return TableView(PUBLISHED, "Reported by papers", caption, keys, ("value",), rows, (), links)


def _source(record: Mapping[str, object]) -> Markup:
    return Markup('<a href="{}">{}</a>').format(record["url"], record["source"])


def _data(name: str, suite: Suite, ranked: Sequence[Listed]) -> Iterator[tuple[str, str]]:
    """Yield the table of a suite as CSV, JSON and LaTeX."""
    records = [
        {
            "system": listed.title,
            "kind": listed.entry.system.kind,
            "status": listed.entry.status,
            "flags": " ".join(listed.entry.flags),
            **{m.name: figure.known if (figure := listed.of(m.name)) else None for m in suite.measures},
        }
        for listed in ranked
    ]
    yield f"{name}.csv", _csv(records)
    yield f"{name}.json", _json([listed.entry.model_dump(mode="json", by_alias=True) for listed in ranked])
    heads = tuple(_heading(suite, measure) for measure in suite.measures)
    rows = tuple(_latex_row(suite, listed) for listed in ranked)
    yield f"{name}.tex", latex.table(View(name, suite.description, (), ("system", "status"), heads, rows))


def _latex_row(suite: Suite, listed: Listed) -> Row:
    """Return the row of a system for LaTeX: what is known of each measure."""
    cells = (_cell(listed, measure) for measure in suite.measures)
    return Row((listed.title, listed.entry.status), tuple(TextCell(cell.text, cell.interval) for cell in cells))


def _csv(records: Sequence[Mapping[str, object]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()


def _json(records: object) -> str:
    return json.dumps(records, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@cache
def _environment() -> Environment:
    return templates("robustrank.leaderboard")


def _page(name: str, title: str, root: str, **content: object) -> str:
    """Return a page: its one style and its one script are in it, and its policy lets nothing else work."""
    style = asset("page.css") + files("robustrank.leaderboard").joinpath("templates", "site.css").read_text("utf-8")
    script = asset("page.js")
    return (
        _environment()
        .get_template(f"{name}.j2")
        .render(
            title=title, root=root, style=style, script=script, policy=policy(style, script), escape=escape, **content
        )
    )
