"""``robustrank check-reranker``: ten checks of a reranker that somebody runs, in two minutes."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from robustrank.cli.options import json_option
from robustrank.errors import UsageError
from robustrank.printing import printable

if TYPE_CHECKING:
    from robustrank.cli.reranker_checks import Finding
    from robustrank.rankers.ranker import Ranker

COLORS = {"ok": "green", "weak": "yellow", "failed": "red", "not run": "red"}
HTTP_SECONDS = 30.0  # until a service has to answer a list


@click.command("check-reranker")
@click.argument("reranker")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="Then no other list is begun.",
)
@click.option("--strict", is_flag=True, help="What is weak fails, too.")
@json_option("the ten findings")
def command(reranker: str, seconds: float, strict: bool, as_json: bool) -> int:
    """Check RERANKER, an address or a ranker with its parameters: ten lines; exit code 1 if one of them failed.

    An address is that of an http-endpoint: POST {"query", "documents"}, answered by {"scores": [number, …]}, or by
    {"results": [{"index", "relevance_score"}, …]} as rerank services do. Everything else is a specification, as
    http-endpoint:url=http://…/v1/rerank,model=NAME,version=1, llm-listwise:llm='openai:url=http://…/v1,model=NAME,version=1'
    or external:command='python adapter.py',version=1. Four queries with eight documents each are ranked, in several
    orders, twice, and with instructions in a document; nothing is cached or kept. Weak: allowed, and worth knowing.
    """
    from robustrank.cli.reranker_checks import SAMPLE, Reranker, findings
    from robustrank.rankers.llm.calls import without_call_cache

    ranker = _ranker(reranker)
    ranker.check()
    ranker.prepare(SAMPLE)
    told: list[Finding] = []
    with without_call_cache():
        for finding in findings(Reranker(ranker, seconds)):
            told.append(finding)
            if not as_json:
                state = click.style(f"{finding.state:<7}", fg=COLORS[finding.state])
                click.echo(f"{state} {printable(f'{finding.name}: {finding.text}')}")
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in told], indent=1))
    bad = {"failed", "not run", *(["weak"] if strict else [])}
    return int(any(finding.state in bad for finding in told))


def _ranker(reranker: str) -> Ranker:
    from robustrank.plugins import create
    from robustrank.plugins.specification import Spec, parse

    if not reranker.startswith(("http://", "https://")):
        ranker: Ranker = create("ranker", parse(reranker))
        return ranker
    if urlsplit(reranker).path.rstrip("/").endswith("/v1"):
        raise UsageError(
            f"{reranker} is the address of a language model, which ranks in many ways",
            hint=f"name one, as llm-listwise:llm='openai:url={reranker},model=NAME,version=1'",
        )
    service = {"url": reranker, "version": "as it is now", "timeout": HTTP_SECONDS, "retries": 1}
    endpoint: Ranker = create("ranker", Spec("http-endpoint", service))
    return endpoint
