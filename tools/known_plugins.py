"""Write what core knows of the plugins of this repository, or say that it is not in step with them.

Core comes with two files of it: the names of all components, which help and errors read, and what the plugins
say of themselves, which `anemoi plugins search`, `info` and `install` read where no catalogue is named.

    python tools/known_plugins.py            # writes
    python tools/known_plugins.py --check    # exit code 1 if there is something to write

Each pyproject.toml is read as it is now; the descriptions are the first lines of docstrings. All distributions
have to be installed from this tree.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anemoi.core.plugins import KINDS, InstalledComponent, describe, group, normalise
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "core/src/anemoi/core/plugins"
NAMES, FACTS = FOLDER / "catalogue.json", FOLDER / "known_plugins.json"
CORE, DECLARING = "anemoi-core", group("kind")


def wanted() -> dict[Path, str]:
    """What the two files should be."""
    projects = [
        tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        for path in (ROOT / "core/pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml")))
    ]
    opened = {name for each in projects for name in each.get("entry-points", {}).get(DECLARING, ())}
    kinds = [*KINDS, *sorted(opened)]
    plugins = [_plugin(each, {group(kind): kind for kind in kinds if not _joined(kind)}) for each in projects]
    names: dict[str, dict[str, str]] = {kind: {} for kind in kinds}
    for plugin in plugins:
        for each in plugin["components"]:
            names[each["kind"]][normalise(each["name"])] = plugin["name"]
    named = {kind: dict(sorted(found.items())) for kind, found in names.items() if found}
    return {
        NAMES: json.dumps(named, indent=2) + "\n",
        FACTS: json.dumps({"plugins": plugins}, indent=1, ensure_ascii=False) + "\n",
    }


def _plugin(project: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """A distribution, in the form that `anemoi-meta-ci catalogue` publishes."""
    urls = project.get("urls", {})
    return {
        "name": project["name"],
        "summary": project["description"],
        "licence": project["license"],
        "documentation": urls.get("Documentation", urls.get("Source", "")),
        "requires": [each for each in project["dependencies"] if Requirement(each).name == CORE],
        "components": list(_components(project, kinds)),
    }


def _components(project: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for section, points in sorted(project.get("entry-points", {}).items()):
        for name, value in sorted(points.items()) if section in kinds else ():
            offered = InstalledComponent(kinds[section], name, project["name"], "", "ok", "", "", value)
            yield {"kind": offered.kind, "name": name, "description": describe(offered)}


def _joined(kind: str) -> bool:
    """Whether its components are used without being named, so that nobody looks for one."""
    return kind in KINDS and KINDS[kind].joined


def main() -> int:
    """Write, or with --check only tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    check = parser.parse_args().check
    stale = {
        path: text for path, text in wanted().items() if not path.is_file() or path.read_text("utf-8") != text
    }
    for path, text in stale.items():
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is not what the plugins say: run python {Path(__file__).relative_to(ROOT)}")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{name} is written")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
