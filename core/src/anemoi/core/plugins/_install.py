"""Install plugins from a known-good set: the versions that were proved together, with their hashes.

A set is a constraints file for pip, as ``anemoi-meta-ci constraints`` writes it. Only pip 26.1 and later
check the hashes of constraints; so pip first says, without hashes, what it would install, and then installs
exactly that, with the hashes of the set.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import PluginError
from ._kinds import normalise

_HASH = re.compile(r"\s+--hash=(\S+)")


@dataclass(frozen=True)
class Installed:
    """One distribution that was installed.

    Parameters
    ----------
    name, version
        The distribution.
    proved
        Whether it is of the known-good set.
    """

    name: str
    version: str
    proved: bool


def install(
    names: Sequence[str], constraints: str | None, *, line: str | None = None, python: str = sys.executable
) -> list[Installed]:
    """Install distributions with pip.

    Parameters
    ----------
    names
        Distributions, with or without a range of versions.
    constraints
        The path or URL of a known-good set; None installs the newest versions, whatever was proved.
    line
        Without a set, the line of core to stay on, ``0.2``: the newest versions that fit it are installed.
    python
        The interpreter of the environment to install into.

    Returns
    -------
    list of Installed
        What was not there already, by name.

    Raises
    ------
    PluginError
        If pip is absent or cannot do it, or the set does not allow it; nothing is installed then.
    """
    with tempfile.TemporaryDirectory(prefix="anemoi-install-") as temporary:
        folder = Path(temporary)
        if constraints is not None:
            text = read_set(constraints)
        else:
            text = "" if line is None else f"anemoi-core=={line}.*"
        hashes, words = _hashes(text) if constraints is not None else {}, []
        if text:
            (folder / "versions.txt").write_text("\n".join(_versions(text)), encoding="utf-8")
            words = ["--constraint", str(folder / "versions.txt")]
        report = folder / "report.json"
        _pip(python, "--dry-run", "--report", str(report), *words, *names)
        wanted = json.loads(report.read_text(encoding="utf-8"))["install"]
        lines = [_line(each, hashes) for each in wanted]
        if not lines:
            return []
        (folder / "wanted.txt").write_text("\n".join(lines), encoding="utf-8")
        _pip(python, "--no-deps", "--requirement", str(folder / "wanted.txt"))
    return sorted(
        (
            Installed(each["metadata"]["name"], each["metadata"]["version"], _pin(each) in hashes)
            for each in wanted
        ),
        key=lambda each: normalise(each.name),
    )


def _line(each: Mapping[str, Any], hashes: Mapping[str, Sequence[str]]) -> str:
    """What to install, with the hashes of the set; what is not in it has that of the file that pip chose."""
    pin, archive = _pin(each), each["download_info"].get("archive_info", {}).get("hashes", {})
    wanted = hashes.get(pin) or [f"{kind}:{value}" for kind, value in archive.items()]
    return " ".join([pin, *(f"--hash={one}" for one in wanted)])


def _pin(each: Mapping[str, Any]) -> str:
    return f"{normalise(each['metadata']['name'])}=={each['metadata']['version']}"


def _versions(text: str) -> list[str]:
    """The constraints without hashes; a set for many machines has markers, which pip judges."""
    lines = text.replace("\\\n", " ").splitlines()
    return [pin for line in lines if (pin := line.split("#")[0].split(" --hash")[0].strip())]


def _hashes(text: str) -> dict[str, list[str]]:
    """The hashes of each ``name==version`` of a constraints file."""
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        pinned = line.split("#")[0].split(" --hash")[0].split(";")[0].strip()
        if pinned:
            name, _, version = pinned.partition("==")
            found[f"{normalise(name)}=={version.strip()}"] = _HASH.findall(line)
    return found


def names_of(text: str) -> list[str]:
    """The distributions that a known-good set names, as they are compared."""
    return [pin.partition("==")[0] for pin in _hashes(text)]


def read_set(constraints: str) -> str:
    """The text of a known-good set, a file or an address.

    Raises
    ------
    PluginError
        If it cannot be read.
    """
    try:
        if "://" in constraints:
            with urllib.request.urlopen(constraints, timeout=30) as answer:
                return str(answer.read().decode("utf-8"))
        return Path(constraints).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise PluginError(
            f"The known-good set {constraints} cannot be read: {reason}.",
            fix="Name the file or the address of another with --constraints.",
        ) from None


def _pip(python: str, *words: str) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    if "No module named pip" in done.stderr:
        raise PluginError(
            f"There is no pip in the environment of {python}.",
            fix=f"Add it with '{python} -m ensurepip', or use the installer that made the environment, with "
            "the set as its constraints.",
        )
    lines = (line.removeprefix("ERROR: ") for line in done.stderr.splitlines())
    said = [line for line in lines if line.strip() and not line.startswith("WARNING")]
    raise PluginError(
        "pip did not install anything:\n" + "\n".join(f"  {line}" for line in said),
        fix="If the set has no version that fits, name another with --constraints.",
    )
