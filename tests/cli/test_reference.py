"""docs/command-line.md has every command and option; shells complete them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from robustrank.cli.main import cli

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"


def commands(group: click.Group) -> list[click.Command]:
    with click.Context(group) as context:
        direct = [group.get_command(context, name) for name in group.list_commands(context)]
    return [
        one for command in direct for one in [command, *(commands(command) if hasattr(command, "commands") else [])]
    ]


def test_every_command_and_option_is_in_the_reference():
    parts = PAGE.read_text(encoding="utf-8").split("\n### `")[1:]
    every = commands(cli)
    assert len(parts) == len(every) > 14
    for command, part in zip(every, parts, strict=True):
        assert command.help.splitlines()[0] in part
        names = [name for option in command.params if isinstance(option, click.Option) for name in option.opts]
        assert [name for name in names if f"{name} " not in part and f"{name}`" not in part] == []


def test_every_option_says_what_it_is():
    silent = [
        f"{command.name} {option.opts[0]}"
        for command in commands(cli)
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert silent == []


def test_bash_completes_commands_and_options(tmp_path):
    bash = shutil.which("bash")
    program = tmp_path / "robustrank"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m robustrank "$@"\n')
    program.chmod(0o755)
    code = (
        'eval "$(_ROBUSTRANK_COMPLETE=bash_source robustrank)"; COMP_WORDS=(robustrank ru); COMP_CWORD=1; '
        '_robustrank_completion robustrank; echo "${COMPREPLY[@]}"; COMPREPLY=(); COMP_WORDS=(robustrank show --out); '
        'COMP_CWORD=2; _robustrank_completion robustrank; echo "${COMPREPLY[@]}"'
    )
    if bash is None:
        pytest.skip("there is no bash")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    shown = subprocess.run(
        [bash, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PATH": path}
    )
    assert shown.stdout.split() == ["run", "--outcome"], shown.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_scripts_of_other_shells_are_written(shell, monkeypatch, capsys):
    monkeypatch.setenv("_ROBUSTRANK_COMPLETE", f"{shell}_source")
    with pytest.raises(SystemExit):
        cli.main(args=[], prog_name="robustrank", standalone_mode=False)
    assert f"_ROBUSTRANK_COMPLETE={shell}_complete" in capsys.readouterr().out
