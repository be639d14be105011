"""One more component in a plugin that is there already."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from anemoi.core.errors import AnemoiError

from ._cruft import read
from ._merge import Project, joined_docs, joined_tour
from ._renamed import carried
from ._render import answers_fit, checked, render
from ._source import source

PARTS_OF_MODELS = ("model", "processor", "mapper")
"""The kinds of the template whose files of configuration are all choices of a model."""

TOUR, DOCS, PROJECT = ".tours/code.tour", "docs/index.md", "pyproject.toml"


def add(project: Path, kind: str, name: str) -> list[str]:
    """Give a plugin another component that works: its code, tests, configuration, docs, entry point and tour.

    Parameters
    ----------
    project
        The plugin, made by :func:`~anemoi_plugin_testing.scaffold.create`.
    kind, name
        Those of the component.
        It is made from the template that the plugin was made from, as that is now.

    Returns
    -------
    list of str
        The files that are new or changed.

    Raises
    ------
    AnemoiError
        If the plugin offers such a component already, a file of its name is there, the name cannot be used,
        or the directory holds no plugin. Nothing is changed then.
    """
    state = read(project)
    answers: dict[str, str] = state["context"]["cookiecutter"]
    metadata = Project.read(project / PROJECT)
    package = metadata.name.replace("-", "_")
    if not (project / "src" / package).is_dir():
        raise AnemoiError(
            f"{project} has no src/{package}, where the code of {metadata.name} belongs.",
            fix="Put it there, or add the component by hand: 'Writing a plugin' in docs/plugins.md.",
        )
    name = checked(kind, name, but=metadata.name)
    metadata.refuse(kind, name)
    origin = source(state["template"], state.get("checkout"), kind=kind)
    given = {
        **answers,
        **carried(answers, origin),
        "kind": kind,
        "name": name,
        "description": f"The {kind} {name} for Anemoi",
        "__distribution": metadata.name,
        "__package": package,
        "__stem": _stem(project, package, kind, name),
        "__choice": _choice(project, package, kind, name),
        "__configs": metadata.configs(package) or name,
    }
    answers_fit(given)
    with tempfile.TemporaryDirectory(prefix="anemoi-add-") as folder:
        made = render(origin, given, Path(folder))
        texts = _texts(project, made, metadata, given)
    _write({project / name: text for name, text in texts.items()})
    return [*texts]


def _stem(project: Path, package: str, kind: str, name: str) -> str:
    """What its module is called: after its kind, or after itself where the plugin has one of that kind."""
    places = project / "src" / package / f"{kind}.py", project / "tests" / f"test_{kind}.py"
    return name.replace("-", "_") if any(place.exists() for place in places) else kind


def _choice(project: Path, package: str, kind: str, name: str) -> str:
    """What its file of configuration is called: ``name-kind`` where another part of a model has its name."""
    taken = (project / "src" / package / "conf" / "model" / f"{name}.yaml").exists()
    return f"{name}-{kind}" if taken and kind in PARTS_OF_MODELS else name


def _texts(project: Path, made: Path, metadata: Project, given: Mapping[str, str]) -> dict[str, str]:
    """The files as they will be, by their paths in the plugin."""
    new = _new(project, made, given["__package"], given["__stem"])
    if there := sorted(name for name in new if (project / name).exists()):
        raise AnemoiError(f"{', '.join(there)} of {project} exists already.", fix="Choose another name.")
    texts = {name: file.read_text(encoding="utf-8") for name, file in sorted(new.items())}
    joins: dict[str, Callable[[str, str], str]] = {
        PROJECT: lambda _, other: metadata.joined(other),
        DOCS: joined_docs,
        TOUR: partial(joined_tour, files=set(new)),
    }
    for name, joined in joins.items():
        own, text = project / name, (made / name).read_text(encoding="utf-8")
        texts[name] = joined(own.read_text(encoding="utf-8"), text) if own.is_file() else text
    return texts


def _new(project: Path, made: Path, package: str, stem: str) -> dict[str, Path]:
    """What the component brings, by its path in the plugin; of what all components share, what is missing."""
    inside = Path("src", package)
    shared = {inside / file for file in ("__init__.py", "py.typed", "conf/__init__.py")}
    found = [file.relative_to(made) for file in (made / inside).rglob("*") if file.is_file()]
    code = {
        file.as_posix(): made / file for file in found if not (file in shared and (project / file).exists())
    }
    tests = {f"test_{stem}.py": f"test_{stem}.py", f"test_contract_{stem}.py": "test_contract.py"}
    return code | {f"tests/{name}": made / "tests" / file for name, file in tests.items()}


def _write(texts: Mapping[Path, str]) -> None:
    """Write all files, or none: each beside its place first, and then moved there."""
    ready: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            ready[path] = path.with_name(f".{path.name}.new")
            ready[path].write_text(text, encoding="utf-8")
        for path, new in ready.items():
            new.replace(path)
    except OSError as error:
        raise AnemoiError(f"The plugin cannot be written: {error}.", fix="Nothing is changed.") from error
    finally:
        for new in ready.values():
            new.unlink(missing_ok=True)
