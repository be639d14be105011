"""The components that come with the core keep the contracts of their kinds."""

import pytest
from anemoi.core.plugins import components

from anemoi_plugin_testing import check

MAPPER = {"_target_": "specimens.layers.ConditionedMapper"}
PROCESSOR = {"_target_": "specimens.layers.ConditionedProcessor"}
LAYERS = {"channels": 16, "encoder": MAPPER, "processor": PROCESSOR, "decoder": MAPPER}

OPTIONS = {
    ("model", "encoder-processor-decoder"): [LAYERS],
    ("objective", "rollout"): [
        {},
        {"input_steps": 1},
        {"input_steps": 3, "output_steps": 2, "lead_time": "12h"},
    ],
    ("transform", "normaliser"): [{}, {"default": "std", "max": ["lsm"], "min_max": ["ci"], "none": ["mwd"]}],
    ("transform", "imputer"): [{}, {"constant": {"sst": 0.0}}],
    ("transform", "remapper"): [{"log1p": ["tp"], "cube_root": ["sd", "ci"], "angle": ["mwd"]}],
    ("transform", "bounding"): [
        {"relu": ["tp"], "hardtanh": {"ci": [0, 1]}},
        {"relu": {"t_850": 200.0}, "fraction": {"tp": "t_850"}},
    ],
}
OWN = [
    (component.kind, component.name) for component in components() if component.distribution == "anemoi-core"
]
CASES = [
    pytest.param(kind, name, options, id=f"{name}-{number}")
    for kind, name in OWN
    for number, options in enumerate(OPTIONS.get((kind, name), [{}]))
]


@pytest.mark.parametrize(("kind", "name", "options"), CASES)
def test_a_component_of_the_core_keeps_its_contract(kind, name, options):
    results = check(kind, name, **options)
    assert [str(one) for one in results if one.status == "fail"] == []
    assert [one.check for one in results if one.status == "pass"]


def test_they_are_all_there():
    assert {*OPTIONS} <= {*OWN}
    assert {kind for kind, _ in OWN} == {"model", "objective", "transform", "forcing"}


def test_leaky_bounds_are_not_enforced_once():
    """A part of what is beyond is left, and a part of that the second time."""
    results = {one.check: one for one in check("transform", "bounding", leaky_relu=["tp"])}
    assert {name for name, one in results.items() if one.status == "fail"} == {"enforces_once"}
