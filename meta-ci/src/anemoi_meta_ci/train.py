"""The release train: from changelog fragments to tags, wheels and a known-good set.

What is done is read from the repositories and the index, never from a state of its own, so a train that was
interrupted anywhere goes on when it is started again.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from .builders import Builders
from .distribution import Distribution, git
from .errors import MetaCIError
from .folder_index import Index, write
from .release import versions
from .release_set import release_set
from .statement import commit_of, statement
from .trial import try_out
from .uv import UvError
from .wheels import Wheel, needs

CORE = "anemoi-core"


@dataclass(frozen=True)
class Ready:
    """A release that is committed.

    Parameters
    ----------
    distribution, version
        What is released.
    commit
        What it is built from.
    """

    distribution: Distribution
    version: str
    commit: str

    @property
    def tag(self) -> str:
        """Its tag."""
        return self.distribution.tag(self.version)

    @property
    def epoch(self) -> int:
        """When it was committed, in seconds."""
        return int(git(self.distribution.repository, "show", "--no-patch", "--format=%ct", self.commit))


class Train:
    """Releases distributions into an index, what others require first.

    Every wheel is built and tested before the first tag is made, and a tag is pushed only once its wheel is
    in the index.

    Parameters
    ----------
    distributions
        All that may be released.
    index
        Where wheels go.
    push
        Whether to push commits and tags to ``origin``.
    say
        Takes a line about each step.
    """

    def __init__(
        self, distributions: Sequence[Distribution], index: Index, *, push: bool, say: Callable[[str], object]
    ) -> None:
        self.distributions = {each.name: each for each in distributions}
        self.index, self.push, self.say = index, push, say

    def run(self) -> None:
        """Release what there is to release, and write the known-good set.

        Raises
        ------
        MetaCIError
            If anything is not as it has to be; nothing is tagged or in the index that was not tested.
        """
        for each in self.distributions.values():
            each.check_clean()
        if self.push:
            for repository in {each.repository for each in self.distributions.values()}:
                check_origin(repository)
        states = [each.state() for each in self.distributions.values()]
        found = versions(states)
        # What was tagged before fits what was released with it, not what comes now.
        interrupted = list(self._interrupted())
        self._release(interrupted)
        self._release(
            self._prepared({**{state.name: state.version for state in states}, **found}, list(found))
        )
        if not interrupted and not found:
            self.say("Nothing has changes to release.")
        self._known_good()

    def _release(self, ready: Sequence[Ready]) -> None:
        """Build all, test all, and then publish all."""
        with tempfile.TemporaryDirectory() as temporary:
            wheels = self._built(ready, Path(temporary))
            self._test(ready, wheels, Path(temporary))
            for each, wheel in zip(ready, wheels, strict=True):
                self._publish(each, wheel)

    def _interrupted(self) -> Iterator[Ready]:
        """Tags whose wheels are not in the index."""
        for each in self.distributions.values():
            version = each.released
            if version is None:
                continue
            commit = git(each.repository, "rev-parse", f"{each.tag(version)}^{{commit}}")
            wheel = self.index.wheel(each.name, version)
            if wheel is None:
                self.say(f"{each.name} {version}: tagged before, not in the index")
                yield Ready(each, version, commit)
            elif (said := self.index.statement(wheel)).exists() and commit_of(said) != commit:
                raise MetaCIError(
                    f"{each.name} {version} is in the index with other contents: it was not built from "
                    f"{commit[:10]}, which the tag {each.tag(version)} names.",
                    fix="A release is never replaced: move the tag back, release the rest anew.",
                )
            elif self.push and not git(
                each.repository, "ls-remote", "origin", f"refs/tags/{each.tag(version)}"
            ):
                push(each.repository, each.tag(version))
                self.say(f"{each.name} {version}: released before, pushed")

    def _prepared(self, now: Mapping[str, str], names: Sequence[str]) -> list[Ready]:
        """Commits what releases change."""
        today = datetime.datetime.now(datetime.timezone.utc).date()
        for name in names:
            if self.distributions[name].prepare(now[name], now, today):
                self.say(f"{name} {now[name]}: committed")
        return [
            Ready(self.distributions[name], now[name], self.distributions[name].commit()) for name in names
        ]

    def _built(self, ready: Sequence[Ready], folder: Path) -> list[Wheel]:
        """The wheel of each, which the index must not have with other contents."""
        builders, wheels = Builders(), []
        for number, each in enumerate(ready):
            source = each.distribution.export(each.commit, folder / f"source-{number}")
            output = folder / f"wheels-{number}"
            output.mkdir()
            try:
                with _epoch(each.epoch):
                    builders.build(source, output)
            except UvError as error:
                raise MetaCIError(
                    f"{each.distribution.name} {each.version} does not build:\n{error}"
                ) from None
            wheel = Wheel(next(output.glob("*.whl")), source)
            if wheel.version != each.version:
                raise MetaCIError(f"{each.tag} builds {wheel.name} {wheel.version}, not {each.version}.")
            self.index.check(wheel)
            wheels.append(wheel)
            self.say(f"{each.distribution.name} {each.version}: built")
        return wheels

    def _test(self, ready: Sequence[Ready], wheels: Sequence[Wheel], folder: Path) -> None:
        """Install each with the newest of what it requires of ours, import it, and run its tests."""
        together = {name: found[-1] for name in self.distributions if (found := self.index.wheels(name))}
        for wheel in wheels:
            together[wheel.name] = max(
                wheel, together.get(wheel.name, wheel), key=lambda it: Version(it.version)
            )
        required = needs(together)
        for number, (each, wheel) in enumerate(zip(ready, wheels, strict=True)):
            others = [together[name].path for name in sorted(required[wheel.name])]
            try:
                try_out(wheel, others, folder / f"environment-{number}")
            except UvError as error:
                raise MetaCIError(
                    f"{each.distribution.name} {each.version} fails, so nothing is released:\n{error}",
                    fix="Mend it, commit, and release again.",
                ) from None
            self.say(f"{each.distribution.name} {each.version}: tested")

    def _publish(self, ready: Ready, wheel: Wheel) -> None:
        """Tag it, put it into the index, and push, in this order: what is pushed is whole."""
        repository, tag = ready.distribution.repository, ready.tag
        if not git(repository, "tag", "--list", tag):
            message = f"{ready.distribution.name} {ready.version}"
            git(repository, "tag", "--annotate", "--message", message, tag, ready.commit)
        self.index.add(wheel, statement(wheel, commit=ready.commit, tag=tag, epoch=ready.epoch))
        if self.push:
            push(repository, tag)
        self.say(f"{ready.distribution.name} {ready.version}: released")

    def _known_good(self) -> None:
        """The newest of each with hashes, and what they require, as a file that pip installs as it is."""
        newest = {name: found[-1] for name in self.distributions if (found := self.index.wheels(name))}
        if CORE not in newest or len(newest) < len(self.distributions):
            return
        line = ".".join(newest[CORE].version.split(".")[:2])
        path = self.index.folder / f"known-good-{line}.txt"
        write(path, release_set(newest).encode())
        self.say(f"The known-good set of {line}: {path}")


def check_origin(repository: Path) -> None:
    """Refuse to release what could not be pushed.

    Raises
    ------
    MetaCIError
        If no branch is checked out, or the one at ``origin`` has commits that this one has not.
    """
    branch = git(repository, "branch", "--show-current")
    if not branch:
        raise MetaCIError(f"{repository} is on no branch.", fix="Check out the branch to release from.")
    git(repository, "fetch", "--quiet", "origin")
    behind = git(repository, "rev-list", "--count", f"HEAD..refs/remotes/origin/{branch}")
    if behind != "0":
        raise MetaCIError(
            f"{branch} of {repository} lacks {behind} commits of origin.", fix="Pull them first."
        )


def push(repository: Path, tag: str) -> None:
    """Push the branch that is checked out together with a tag, or neither."""
    branch = git(repository, "branch", "--show-current")
    git(repository, "push", "--quiet", "--atomic", "origin", f"HEAD:refs/heads/{branch}", f"refs/tags/{tag}")


@contextlib.contextmanager
def _epoch(seconds: int) -> Iterator[None]:
    """Give a build the time of the commit, so that the same commit gives the same wheel."""
    before = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = str(seconds)
    try:
        yield
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]
        if before is not None:
            os.environ["SOURCE_DATE_EPOCH"] = before
