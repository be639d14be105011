"""What a kind of component is, and the kinds that core owns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ..errors import PluginError

PREFIX: Final = "anemoi.core."
CORE: Final = "anemoi-core"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_PLACE: Final = re.compile(r"\w+(\.\w+)*:[\w./-]+")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What components of one kind have in common.

    Where something is to be found is a text, ``module:attribute``, and is imported when it is needed: a
    record costs nothing to read.

    Parameters
    ----------
    name
        What one is called: lower-case letters, digits and ``_``, such as ``downscaler``.
    interface
        The class that every component derives from; empty where components are not classes. What its
        constructor takes is given by whoever builds one, what else a component's takes are options.
    checks
        The checks of its conformance: a sequence of ``anemoi_plugin_testing.Check``, or a mapping from
        kinds to such. Empty where there are none.
    scaffold
        What ``anemoi plugins new`` makes one from: ``package:directory``. The directory holds
        ``component.py``, ``test_component.py``, ``index.md``, ``steps.json`` and, for components that have a
        configuration, ``conf.yaml``, as those in ``templates/kinds`` of the template, and may hold
        ``kind.json``. Empty where there is none.
    joined
        Whether all components are used together, so that two may share a name without harm. Core's own
        alone can be: a list, which imports nothing, could not tell it of another's.
    owner
        The distribution that declares it. It is filled in from the declaration.

    Raises
    ------
    PluginError
        If the name, or a place, is not of its form.
    """

    name: str
    interface: str = ""
    checks: str = ""
    scaffold: str = ""
    joined: bool = False
    owner: str = ""

    def __post_init__(self) -> None:
        if not is_kind_name(self.name):
            raise PluginError(
                f"{self.name!r} is no name of a kind.",
                fix="Choose lower-case letters, digits and _, beginning with a letter.",
            )
        for field in ("interface", "checks", "scaffold"):
            place = getattr(self, field)
            if place and not _PLACE.fullmatch(place):
                raise PluginError(
                    f"The {field} of the kind {self.name!r}, {place!r}, is not of the form module:attribute."
                )


def group(kind: str) -> str:
    """The entry-point group of the components of a kind: ``anemoi.core.`` and the plural of its name."""
    if re.search(r"(s|x|z|ch|sh)$", kind):
        return f"{PREFIX}{kind}es"
    if re.search(r"[^aeiou]y$", kind):
        return f"{PREFIX}{kind[:-1]}ies"
    return f"{PREFIX}{kind}s"


def is_kind_name(name: str) -> bool:
    """Whether a kind may be called so: its plural is a part of an entry-point group, and a word in Python."""
    return _NAME.fullmatch(name) is not None


def _core(name: str, interface: str = "", *, joined: bool = False) -> Kind:
    place = f"anemoi.core.interfaces:{interface}" if interface else ""
    return Kind(name=name, interface=place, joined=joined, owner=CORE)


KINDS: Final = {
    kind.name: kind
    for kind in (
        _core("model", "Model"),
        _core("processor", "Processor"),
        _core("mapper", "Mapper"),
        _core("graph", "GraphBuilder"),
        _core("source", "DataSource"),
        _core("transform", "Transform"),
        _core("forcing", "Forcing"),
        _core("postprocessor", "PostProcessor"),
        _core("output", "Output"),
        _core("objective", "Objective"),
        _core("perturbation", "Perturbation"),
        _core("tracker", "Tracker"),
        _core("command"),
        _core("config", joined=True),
        _core("hook", joined=True),
        _core("kind"),
    )
}
"""The kinds that core owns, in the order in which they are listed.

Their checks and their files in the template are those of ``anemoi-plugin-testing``, which knows them by name.
A component of the kind ``kind`` declares another: it is a :class:`Kind`.
"""


def normalise(name: str) -> str:
    """Write a name as it is compared: lower case, ``-`` for any run of ``-``, ``_`` and ``.`` (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
