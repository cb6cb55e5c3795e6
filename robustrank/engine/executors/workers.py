"""Which executor runs an experiment, and with how many workers, as a command line or a program asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from robustrank.errors import UsageError

Name = Literal["local", "processes", "ray", "slurm"]
NAMES: tuple[Name, ...] = get_args(Name)
_ON_CLUSTERS = ("ray", "slurm")


@dataclass(frozen=True)
class Workers:
    """Who runs the cells of an experiment.

    Attributes:
        executor: "local": this process, which a plug-in can end; "processes" on this machine; workers that "ray", or
            "slurm", starts.
        count: How many workers run cells at once; 0 is this process, whatever the executor.
        cell_seconds: How long a cell may take before its worker is ended and it counts as failed; None is no limit.
        options: What the cluster is told of each worker, as ``{"partition": "gpu"}``.

    Raises:
        UsageError: They do not go together.
    """

    executor: Name = "processes"
    count: int = 1
    cell_seconds: float | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.executor not in NAMES:
            raise UsageError(f"there is no executor {self.executor!r}", allowed=", ".join(NAMES))
        if self.count < 0:
            raise UsageError(f"{self.count} workers", allowed="0 (this process) or more")
        if self.executor == "local" and self.count > 1:
            raise UsageError(
                f"the executor 'local' is this process alone, and {self.count} workers are wanted",
                allowed="--workers 0 or 1",
                hint="--executor processes has as many as there are",
            )
        if self.options and self.executor not in _ON_CLUSTERS:
            raise UsageError(
                f"the executor {self.executor!r} takes no options: {', '.join(self.options)}",
                allowed=f"options of {' and '.join(_ON_CLUSTERS)}",
            )
        if self.is_this_process and self.cell_seconds is not None:
            raise UsageError(
                "a limit on a cell's time needs a process that can be ended",
                allowed="--workers 1 or more, and another executor than local",
            )

    @property
    def is_this_process(self) -> bool:
        """Whether cells run in this process."""
        return self.executor == "local" or self.count == 0

    @property
    def for_planning(self) -> Workers:
        """One worker of this machine, which is all that a plan takes."""
        return Workers("local") if self.is_this_process else ONE_PROCESS


ONE_PROCESS = Workers()
