"""What ``--boundary`` says of the sources of a checkpoint."""

import pytest

from anemoi.core.cli.options import boundary_source, source_specs, trained_on
from anemoi.core.errors import ConfigError

CONFIGURATION = {
    "objective": {"name": "limited-area", "boundary": "around"},
    "domains": {
        "region": {"data": {"name": "one", "path": "region"}},
        "around": {"data": {"name": "one", "path": "globe", "thinning": 2}},
    },
}


@pytest.mark.parametrize(
    ("given", "around"),
    [
        ((), {"name": "one", "path": "globe", "thinning": 2}),
        (("path=other",), {"name": "one", "path": "other", "thinning": 2}),
        (("name=two", "path=other"), {"name": "two", "path": "other"}),
        (("some-source",), {"name": "some-source"}),
        (("some-source", "thinning=4"), {"name": "some-source", "thinning": 4}),
    ],
)
def test_the_source_of_the_boundary(given, around):
    found = source_specs(boundary_source(given, CONFIGURATION), trained_on(CONFIGURATION))
    assert found == {"region": {"name": "one", "path": "region"}, "around": around}


@pytest.mark.parametrize("objective", [{"name": "rollout"}, {"boundary": "elsewhere"}, None])
def test_a_checkpoint_without_a_boundary_is_told(objective):
    with pytest.raises(ConfigError, match="takes no boundary: its domains are region, around"):
        boundary_source(("path=x",), {**CONFIGURATION, "objective": objective})
