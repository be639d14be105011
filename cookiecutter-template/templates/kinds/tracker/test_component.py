import csv

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import METRICS, {{ cookiecutter.__class }}


def test_what_was_recorded_is_read_back(tmp_path):
    tracker = {{ cookiecutter.__class }}(directory=tmp_path)
    tracker.start("first", {})
    tracker.metrics({"loss": 0.5}, 1)
    tracker.metrics({"loss": 0.25, "learning_rate": 1e-3}, 2)
    tracker.finish("finished")
    with (tmp_path / METRICS).open(encoding="utf-8", newline="") as file:
        rows = [(int(row["step"]), row["metric"], float(row["value"])) for row in csv.DictReader(file)]
    assert rows == [(1, "loss", 0.5), (2, "loss", 0.25), (2, "learning_rate", 1e-3)]


def test_steps_between_are_left_out(tmp_path):
    tracker = {{ cookiecutter.__class }}(directory=tmp_path, every=10)
    tracker.start("first", {})
    for step in range(1, 31):
        tracker.metrics({"loss": 1.0}, step)
    assert (tmp_path / METRICS).read_text(encoding="utf-8").count("loss") == 3
