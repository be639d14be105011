from anemoi.core.config import compose


def test_it_changes_what_it_says_and_nothing_else():
    plain = compose("train", []).values
    changed = compose("train", ["+experiment={{ cookiecutter.name }}"]).values
    assert changed["training"]["steps"] == 20
    assert changed["model"]["channels"] == 16
    assert changed["data"] == plain["data"]
    assert {**changed["graph"], "refinement": None} == {**plain["graph"], "refinement": None}
