"""The lists of blocked plugins: the user's, and the site's, which wins."""

from __future__ import annotations

import json
import os

import pytest

from anemoi.core.errors import AnemoiError, ConfigError, PluginError
from anemoi.core.plugins import components, load
from anemoi.core.plugins._blocklist import FILE_NAME, allow, block


@pytest.fixture
def two(here):
    for letter in "ab":
        here.add(
            f"{letter}-dist", {"trackers": {f"tracker-{letter}": "m:C"}, "graphs": {f"graph-{letter}": "m:C"}}
        )
    return here


def _blocked():
    return {one.name for one in components() if one.state == "blocked"}


@pytest.fixture
def rules(two, tmp_path, monkeypatch):
    directory = tmp_path / "rules"
    directory.mkdir()
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(directory))
    return directory / FILE_NAME


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A_Dist", {"tracker-a", "graph-a"}),
        ("Tracker.A", {"tracker-a"}),
        ("b-dist:graph_b", {"graph-b"}),
        ("nothing", set()),
    ],
)
def test_a_distribution_or_a_component_is_blocked_and_allowed_again(two, name, expected):
    block(name)
    assert _blocked() == expected
    allow(name)
    assert _blocked() == set()


def test_a_component_can_be_allowed_out_of_a_blocked_distribution(two):
    block("a-dist")
    allow("tracker-a")
    assert _blocked() == {"graph-a"}


def test_blocking_twice_writes_one_line_and_keeps_comments(two):
    path = block("a-dist")
    path.write_text("# why\n" + path.read_text())
    block("A-dist")
    assert path.read_text() == "# why\nA-dist\n"


def test_the_list_of_the_site_wins(rules):
    rules.write_text("a-dist  # not approved\n!tracker-b\n")
    block("b-dist")
    assert _blocked() == {"tracker-a", "graph-a", "graph-b"}
    with pytest.raises(PluginError, match="site's list") as refused:
        allow("a-dist")
    assert f"{rules}, line 1" in str(refused.value)


def test_what_is_blocked_is_not_loaded_and_says_which_line_blocks_it(two):
    path = block("tracker-a")
    with pytest.raises(PluginError) as refused:
        load("tracker", "tracker-a")
    assert f"blocked by the user's list ({path}, line 1)" in str(refused.value)
    assert "anemoi plugins allow tracker-a" in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\xe9", None])
def test_a_list_that_cannot_be_read_blocks_the_run(rules, content):
    if content is None:
        rules.mkdir()
    else:
        rules.write_bytes(content)
    with pytest.raises(ConfigError, match="cannot be read"):
        components()


def test_an_unreadable_list_leaves_the_help_and_says_so(site):
    (site.home / "anemoi").mkdir(parents=True)
    (site.home / "anemoi" / FILE_NAME).write_bytes(b"\xff")
    usage = site.anemoi("--help")
    assert usage.returncode == 0
    assert "cannot be listed" in usage.stdout
    listed = site.anemoi("plugins", "list")
    assert (listed.returncode, listed.stdout) == (2, "")
    assert listed.stderr.startswith("Error: The user's list of blocked plugins")


def test_a_site_directory_that_is_not_there_is_an_error(two, monkeypatch, tmp_path):
    monkeypatch.setenv("ANEMOI_SITE_CONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="nowhere, which is not a directory"):
        components()


@pytest.mark.parametrize("name", ["", "two\nlines", "#", "!x"])
def test_what_cannot_be_a_name_is_refused_and_nothing_is_written(two, name):
    with pytest.raises(AnemoiError):
        block(name)
    assert not two.home.exists() or not os.listdir(two.home)


def test_a_directory_that_cannot_be_made_is_a_clear_error(two):
    two.home.write_text("a file where the directory should be")
    with pytest.raises(ConfigError, match="cannot be"):
        block("a-dist")


def test_the_commands_block_and_allow(site):
    site.add("a-dist", {"trackers": {"tracker-a": "m:C"}})
    assert site.anemoi("plugins", "block", "tracker-a").returncode == 0
    blocked = json.loads(site.anemoi("plugins", "list", "--state", "blocked", "--json").stdout)
    assert [one["name"] for one in blocked] == ["tracker-a"]
    assert site.anemoi("plugins", "doctor", "tracker-a").returncode == 1
    why = site.anemoi("plugins", "why", "tracker-a")
    assert why.returncode == 0
    assert "the user's list blocks 'tracker-a'" in why.stdout
    assert site.anemoi("plugins", "allow", "tracker-a").returncode == 0
    unknown = site.anemoi("plugins", "block", "not-there")
    assert unknown.returncode == 0
    assert "No plugin installed here is called 'not-there'" in unknown.stderr
