"""Compatibility follows from a distribution's own requirements, as pip would read them."""

from __future__ import annotations

import pytest

from anemoi.core.plugins import components


def _state(here, **options):
    here.add("judged-dist", {"trackers": {"judged": "m:C"}}, **options)
    return next(one for one in components("tracker") if one.name == "judged")


@pytest.mark.parametrize(
    ("requires", "state"),
    [
        (["anemoi-core"], "ok"),
        (["anemoi-core<0.3,>=0.2"], "ok"),
        (["anemoi-core>=0.3"], "incompatible"),
        (["Anemoi_Core>=0.1"], "ok"),
        (["needed>=2.0"], "incompatible"),
        (["needed>=1.0,<2"], "ok"),
        (["needed>=2.0; python_version < '3'"], "ok"),
        (["needed>=2.0; extra == 'fast'"], "ok"),
        (["absent; sys_platform == 'nowhere'"], "ok"),
        (["absent"], "incompatible"),
        (["early>=2.0rc1"], "ok"),
        (["early>=1"], "ok"),
        (["early>=2.0"], "incompatible"),
        (["needed @ https://example.org/needed.zip"], "ok"),
        (["needed[more]"], "incompatible"),
        (["needed[other]"], "ok"),
        (["needed[no-such-extra]"], "ok"),
        (["local>=1.2"], "ok"),
        (["nonsense>=1"], "incompatible"),
        (["nonsense"], "ok"),
    ],
)
def test_requirements_are_judged_against_what_is_installed(here, requires, state):
    here.add("needed", version="1.5", requires=["absent; extra == 'more'", "early; extra == 'other'"])
    here.add("early", version="2.0rc1", requires=[])
    here.add("local", version="1.2+cpu", requires=[])
    here.add("nonsense", version="banana", requires=[])
    assert _state(here, requires=requires).state == state


def test_the_reason_tells_every_requirement_that_does_not_hold(here):
    judged = _state(here, requires=["anemoi-core>=7", "absent>=3"])
    assert "requires anemoi-core>=7, but" in judged.reason
    assert "requires absent>=3, which is not installed" in judged.reason


def test_of_two_copies_of_a_distribution_the_first_on_the_path_counts(here, site, tmp_path, monkeypatch):
    here.add("copied-dist", {"trackers": {"old": "m:C"}}, version="1.0")
    second = type(site)(tmp_path / "second", site.home)
    second.add("copied-dist", {"trackers": {"new": "m:C"}}, version="2.0")
    monkeypatch.syspath_prepend(str(second.path))
    found = [(one.name, one.version) for one in components("tracker") if one.distribution == "copied-dist"]
    assert found == [("new", "2.0")]


def test_components_come_in_one_order_whatever_the_order_on_disk(here):
    for name in ("zeta-dist", "alpha-dist", "mid-dist"):
        here.add(
            name,
            {"trackers": {f"{name}-tracker": "m:C"}, "hooks": {"same": "m"}, "graphs": {f"{name}-g": "m:C"}},
        )
    ours = [one for one in components() if one.distribution in ("zeta-dist", "alpha-dist", "mid-dist")]
    assert [one.kind for one in ours] == ["graph"] * 3 + ["tracker"] * 3 + ["hook"] * 3
    assert [one.distribution[0] for one in ours] == ["a", "m", "z"] * 3
    assert {one.state for one in ours} == {"ok"}  # All hooks are used: to share a name is no conflict.


def test_metadata_are_read_once_however_often_components_are_looked_for(here, monkeypatch):
    """A training looks for some hundred, each among all that is installed."""
    first = _state(here, requires=["needed>=2.0"])
    monkeypatch.setattr(
        "anemoi.core.plugins._judge.read_metadata", lambda distribution: pytest.fail("read again")
    )
    assert next(one for one in components("tracker") if one.name == "judged") == first
