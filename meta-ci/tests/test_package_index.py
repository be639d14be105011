"""Releases on an index of one's own: a directory of the kind that pip reads."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from anemoi_meta_ci.errors import AbsentError, NoWheelError
from anemoi_meta_ci.house import Wheelhouse
from anemoi_meta_ci.matrix import Source
from anemoi_meta_ci.resolve import Question, Resolver, UnresolvedError, UnsatisfiableError
from anemoi_meta_ci.uv import UvError, uv

NAME = "anemoi-plugin-published"
PYPROJECT = f"""
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{NAME}"
version = "VERSION"
[tool.hatch.build.targets.wheel]
packages = ["src/anemoi_plugin_published"]
"""


class Site:
    """A static index."""

    def __init__(self, root):
        self.root = root
        self.folder = root / "simple" / NAME
        self.folder.mkdir(parents=True)

    def wheel(self, version, content=None):
        path = self.folder / f"{NAME.replace('-', '_')}-{version}-py3-none-any.whl"
        if content is not None:
            path.write_bytes(content)
        else:
            inside = f"{NAME.replace('-', '_')}-{version}.dist-info"
            with zipfile.ZipFile(path, "w") as file:
                file.writestr(
                    f"{inside}/METADATA", f"Metadata-Version: 2.4\nName: {NAME}\nVersion: {version}\n"
                )
                file.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
                file.writestr(f"{inside}/RECORD", "")
        self._list()

    def sdist(self, version):
        top = f"{NAME.replace('-', '_')}-{version}"
        files = {
            "PKG-INFO": f"Metadata-Version: 2.4\nName: {NAME}\nVersion: {version}\n",
            "pyproject.toml": PYPROJECT.replace("VERSION", version),
            "src/anemoi_plugin_published/__init__.py": "",
            "tests/test_it.py": "def test_it():\n    pass\n",
        }
        with tarfile.open(self.folder / f"{top}.tar.gz", "w:gz") as file:
            for name, text in files.items():
                entry = tarfile.TarInfo(f"{top}/{name}")
                entry.size = len(text)
                file.addfile(entry, io.BytesIO(text.encode()))
        self._list()

    def _list(self):
        files = [path.name for path in self.folder.iterdir() if path.name != "index.html"]
        links = "".join(f'<a href="{name}">{name}</a>' for name in files)
        (self.folder / "index.html").write_text(f"<!doctype html><html><body>{links}</body></html>")

    def take(self, specifier=""):
        """The wheel of the newest release in a range, as a new plan has it."""
        house = Wheelhouse(self.root, self.root / "work", indexes=["simple"])
        return house.wheel(NAME, Source(index=specifier))


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_range_is_resolved_anew_at_every_plan(site):
    site.wheel("0.1.1")
    site.wheel("0.2.0")
    first = site.take(">=0.1,<0.2")
    assert (first.version, first.source, first.from_index) == ("0.1.1", None, True)
    site.wheel("0.1.2")
    assert site.take(">=0.1,<0.2").version == "0.1.2"
    assert first.path.exists()


def test_the_tests_of_a_release_are_those_of_its_sdist(site):
    site.wheel("0.1.0")
    site.sdist("0.1.0")
    taken = site.take()
    assert taken.from_index
    assert (taken.source / "tests/test_it.py").is_file()


def test_a_release_that_has_only_an_sdist_is_built_from_it(site):
    site.sdist("0.1.0")
    taken = site.take()
    assert (taken.name, taken.version, taken.from_index) == (NAME, "0.1.0", False)
    assert (taken.source / "tests/test_it.py").is_file()


def test_a_release_that_is_not_there_is_not_found_in_the_index(site):
    site.wheel("0.1.0")
    with pytest.raises(AbsentError, match=rf"^not found in the index: {NAME}>=9"):
        site.take(">=9")


def test_a_broken_wheel_is_no_absent_release(site):
    site.wheel("0.1.0", content=b"this is no archive")
    with pytest.raises(NoWheelError, match=r"the index gives no|broken") as raised:
        site.take()
    assert not isinstance(raised.value, AbsentError)


def test_an_index_that_is_down_is_no_absent_release(tmp_path):
    house = Wheelhouse(tmp_path, tmp_path / "work", indexes=["http://me:secret@127.0.0.1:9/simple"])
    with pytest.raises(
        NoWheelError, match=r"the index http://127\.0\.0\.1:9/simple cannot be reached"
    ) as raised:
        house.wheel(NAME, Source(index=">=1"))
    assert not isinstance(raised.value, AbsentError)


def test_an_index_that_is_slow_is_asked_once_and_then_left_alone(tmp_path, slow):
    house = Wheelhouse(tmp_path, tmp_path / "work", indexes=[slow.url])
    assert slow.asked.wait(60)
    slow.asked.clear()
    with pytest.raises(NoWheelError, match=f"^the index {slow.url} has given no page in 1 s$") as raised:
        house.wheel(NAME, Source(index=">=1"))
    assert not isinstance(raised.value, AbsentError)
    assert not slow.asked.is_set()
    assert slow.url not in (tmp_path / "work" / "uv.toml").read_text()


def test_what_was_found_without_an_index_is_not_kept_for_all(tmp_path, slow):
    def locks(*indexes):
        return Wheelhouse(tmp_path, tmp_path / "work", indexes=indexes).locks

    (tmp_path / "simple").mkdir()
    assert locks("simple", slow.url) == locks("simple") != locks()


def test_uv_is_not_waited_for_for_ever(tmp_path, slow, monkeypatch):
    monkeypatch.delenv("UV_HTTP_TIMEOUT")  # which a server that trickles never comes to anyway
    words = (
        "--no-config",
        "--no-cache",
        "--no-deps",
        "--index-url",
        slow.url,
        "--target",
        tmp_path / "there",
    )
    with pytest.raises(UvError, match="uv was not through in 2 s"):
        uv("pip", "install", NAME, *words, seconds=2)


def test_what_is_not_found_may_be_on_the_index_that_is_silent(site):
    site.wheel("0.1.0")
    wheel = Wheelhouse(site.root, site.root / "work", indexes=["simple"]).wheel(NAME, Source(index=""))
    question = Question((wheel,), None, ("anemoi-plugin-nowhere",), "3.11", "highest", (site.folder,))
    for silence, error, said in (
        ("", UnsatisfiableError, "anemoi-plugin-nowhere"),
        (
            "the index x is silent",
            UnresolvedError,
            "^its versions cannot be resolved: the index x is silent$",
        ),
    ):
        with pytest.raises(error, match=said):
            Resolver(site.root / "work" / "locks", 0, silence).lock(question)
