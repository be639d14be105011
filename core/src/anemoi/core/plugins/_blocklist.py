"""The lists of blocked components: the institution's, which wins, and the user's.

A list is a text file, ``blocked-plugins.txt``, with one name a line: ``NAME`` blocks and ``!NAME``
allows a distribution, a component (``DISTRIBUTION:NAME``), or every component called so. Of the
lines that fit a component the last one decides; ``#`` begins a comment.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..directories import site_directory, user_directory
from ..errors import ConfigError, PluginError
from ..files import write_whole
from ._kinds import normalise

FILE_NAME = "blocked-plugins.txt"


@dataclass(frozen=True)
class Rule:
    """One line of a list.

    Parameters
    ----------
    owner
        Whose list it is in: ``site`` or ``user``.
    path, line
        Where it is written.
    name
        What it is about, normalised.
    blocks
        Whether it blocks or allows.
    """

    owner: str
    path: Path
    line: int
    name: str
    blocks: bool

    def fits(self, distribution: str, name: str) -> bool:
        """Whether the rule is about the component ``name`` of ``distribution``."""
        distribution, name = normalise(distribution), normalise(name)
        return self.name in (distribution, name, f"{distribution}:{name}")


@dataclass(frozen=True)
class Blocklist:
    """The rules in force, the deciding one first."""

    rules: tuple[Rule, ...]

    def decides(self, distribution: str, name: str) -> Rule | None:
        """The rule that decides about a component, if there is one."""
        return next((rule for rule in self.rules if rule.fits(distribution, name)), None)


def read_blocklist() -> Blocklist:
    """Read both lists.

    Raises
    ------
    ConfigError
        If a list is there and cannot be read: then nobody knows what is blocked.
    """
    site = site_directory()
    rules = [] if site is None else _read("site", site / FILE_NAME)
    return Blocklist((*rules, *_read("user", user_directory() / FILE_NAME)))


def block(name: str) -> Path:
    """Block ``name`` for this user, and return the file that now says so."""
    return _decide(name, f"{name}")


def allow(name: str) -> Path:
    """Allow ``name`` for this user, and return the file that says so.

    Raises
    ------
    PluginError
        If the site's list blocks it.
    """
    site = site_directory()
    wanted = normalise(name)
    for rule in [] if site is None else _read("site", site / FILE_NAME):
        if rule.name == wanted:
            if rule.blocks:
                raise PluginError(
                    f"{name!r} is blocked by the site's list, which wins ({rule.path}, line {rule.line}).",
                    fix="Ask those who keep that list.",
                )
            break
    return _decide(name, f"!{name}")


def _decide(name: str, line: str) -> Path:
    """Write ``line`` to the user's list in place of what it says about ``name`` now."""
    if not name.strip() or any(character in name for character in "#!\n\r"):
        raise PluginError(f"{name!r} is no name of a plugin.", fix="anemoi plugins list")
    path = user_directory() / FILE_NAME
    own = {rule.line for rule in _read("user", path) if rule.name == normalise(name)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [text for number, text in enumerate(before, 1) if number not in own]
        write_whole(path, ("\n".join([*kept, line]) + "\n").encode())
    except OSError as error:
        raise ConfigError(
            f"The list of blocked plugins cannot be written: {error}",
            fix=f"Check the permissions of {path.parent}.",
        ) from error
    return path


def _read(owner: str, path: Path) -> list[Rule]:
    """The rules of one file, the last line first."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The {owner}'s list of blocked plugins, {path}, cannot be read: {error}",
            fix="Make it a readable text file in UTF-8, with one name a line.",
        ) from error
    rules = []
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        if name:
            rules.append(
                Rule(owner, path, number, normalise(name.lstrip("!").strip()), not name.startswith("!"))
            )
    return rules[::-1]
