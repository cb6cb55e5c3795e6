"""What robustrank has to work with here: packages and extras, plug-ins, models, data, devices, room on the disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from robustrank.plugins import KINDS, availability

if TYPE_CHECKING:
    from packaging.requirements import Requirement

State = Literal["ok", "missing", "too old", "broken", "none"]
_NLTK = {"wordnet": "corpora/wordnet", "stopwords": "corpora/stopwords", "punkt": "tokenizers/punkt_tab"}
_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        section: What kind of thing.
        name: Which thing.
        state: Whether it is there and can be used; "none" where it need not be.
        text: What is known of it.
        hint: The command that helps.
        is_needed: Whether robustrank cannot work without it.
    """

    section: str
    name: str
    state: State
    text: str = ""
    hint: str = ""
    is_needed: bool = False

    @property
    def is_fault(self) -> bool:
        """Whether something has to be done."""
        return self.is_needed and self.state != "ok"


def diagnosis(cache: Path) -> list[Finding]:
    """Return what is here, section by section.

    Args:
        cache: The folder of scores and trained weights.
    """
    return [*_system(), *_packages(), *_plugins(), *_models(), *_data(), *_disk(cache)]


def _system() -> Iterator[Finding]:
    yield Finding("system", "python", "ok", f"{platform.python_version()}, {platform.platform()}")
    memory = f", {_size(total)} memory" if (total := _memory()) else ""
    yield Finding("system", "cpu", "ok", f"{os.cpu_count()} cores{memory}")
    yield from _accelerators()
    for name in _SWITCHES:
        if name in os.environ:
            yield Finding("system", name, "ok", os.environ[name])


def _accelerators() -> Iterator[Finding]:
    from robustrank.rankers.runtime import accelerators

    names = accelerators()
    if not names:
        yield Finding("system", "accelerator", "none", "none: models compute on the processor")
        return
    import torch

    for name in names:
        if name != "cuda":
            yield Finding("system", name, "ok")
            continue
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            text = f"{torch.cuda.get_device_name(number)}, {_size(free)} of {_size(total)} free"
            yield Finding("system", f"cuda:{number}", "ok", text)


def _packages() -> Iterator[Finding]:
    """Yield the requirements of robustrank and of each of its extras, as its metadata has them."""
    from packaging.requirements import Requirement

    by_extra: dict[str, list[Requirement]] = {"": []}
    extras = sorted({_extra_of(text) for text in requires("robustrank") or []} - {""})
    for text in requires("robustrank") or []:
        requirement = Requirement(text)
        for extra in ["", *extras]:
            if _extra_of(text) == extra and (not requirement.marker or requirement.marker.evaluate({"extra": extra})):
                by_extra.setdefault(extra, []).append(requirement)
    for extra, requirements in by_extra.items():
        install = f'pip install "robustrank[{extra}]"' if extra else "pip install robustrank"
        for requirement in requirements:
            yield _package(requirement, f"extra {extra}" if extra else "packages", install, is_needed=not extra)


def _extra_of(text: str) -> str:
    """Return the extra that a line of a distribution's metadata belongs to; nothing for its core."""
    _, _, marker = text.partition("extra ==")
    return marker.strip().strip("\"'").partition('"')[0].partition("'")[0]


def _package(requirement: Requirement, section: str, install: str, is_needed: bool) -> Finding:
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return Finding(section, requirement.name, "missing", "", install, is_needed)
    if not requirement.specifier.contains(installed, prereleases=True):
        wanted = f"{installed}; {requirement.specifier} is wanted"
        return Finding(section, requirement.name, "too old", wanted, f"{install} --upgrade", is_needed)
    return Finding(section, requirement.name, "ok", installed, is_needed=is_needed)


def _plugins() -> Iterator[Finding]:
    for kind in KINDS:
        listed = list(availability(kind))
        broken = [(plugin, reason) for plugin, plugin_class, reason in listed if plugin_class is None]
        yield Finding("plug-ins", f"{kind}s", "ok", f"{len(listed) - len(broken)} can be used")
        for plugin, reason in broken:
            yield Finding("plug-ins", plugin.name, "broken", f"{reason} [{plugin.origin}]", is_needed=True)


def _models() -> Iterator[Finding]:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import CacheNotFound

    from robustrank.errors import DataError
    from robustrank.rankers.model_files import MINILM, SPLADE_TINY, model_folder

    for name in (MINILM, SPLADE_TINY):
        try:
            yield Finding("models", name, "ok", str(model_folder(name)))
        except DataError as error:
            yield Finding("models", name, "none", str(error.what), error.hint or "")
    try:
        repositories = sorted(
            (repository for repository in scan_cache_dir().repos if repository.repo_type == "model"),
            key=lambda repository: repository.repo_id,
        )
    except (CacheNotFound, OSError):
        repositories = []
    text = f"{len(repositories)} models in {HF_HUB_CACHE}"
    yield Finding("models", "hub cache", "ok" if repositories else "none", text)
    for repository in repositories:
        yield Finding("models", repository.repo_id, "ok", _size(repository.size_on_disk))


def _data() -> Iterator[Finding]:
    home = Path(os.environ.get("IR_DATASETS_HOME") or Path.home() / ".ir_datasets")
    folders = [path for path in home.iterdir() if path.is_dir()] if home.is_dir() else []
    names = sorted(path.name for path in folders if any(path.iterdir()))
    said = f"{home}: {', '.join(names) or 'no data sets'}"
    yield Finding("data", "ir_datasets", "ok" if names else "none", said)
    if sys.modules.get("nltk") is None and not _is_installed("nltk"):
        yield Finding("data", "nltk", "none", "not installed", 'pip install "robustrank[wordnet]"')
        return
    import nltk

    for name, place in _NLTK.items():
        try:
            yield Finding("data", f"nltk {name}", "ok", str(nltk.data.find(place)))
        except LookupError:
            try:
                yield Finding("data", f"nltk {name}", "ok", str(nltk.data.find(f"{place}.zip")))
            except LookupError:
                package = place.rpartition("/")[2]
                yield Finding("data", f"nltk {name}", "none", "not there", f"python -m nltk.downloader {package}")


def _disk(cache: Path) -> Iterator[Finding]:
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) if cache.is_dir() else 0
    yield Finding("disk", "cache", "ok", f"{cache}: {_size(size)}")
    for name, folder in (("room for the cache", cache), ("room here", Path.cwd())):
        there = next((path for path in [folder.absolute(), *folder.absolute().parents] if path.exists()), Path("/"))
        yield Finding("disk", name, "ok", f"{_size(shutil.disk_usage(there).free)} free")
    found = shutil.which("pdflatex")
    yield Finding("programs", "pdflatex", "ok" if found else "none", found or "tables are written without it")


def _is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _size(count: int) -> str:
    """Return a number of bytes in words."""
    size, units = float(count), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 1000 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.0f} {unit}" if unit in ("B", "kB") else f"{size:.1f} {unit}"
