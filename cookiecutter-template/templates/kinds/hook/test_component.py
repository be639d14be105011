import math

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}


def test_a_diverged_training_is_told_of_once(caplog):
    hook = {{ cookiecutter.__class }}()
    hook.training_started()
    for step, loss in enumerate([0.5, math.nan, math.nan], start=1):
        hook.training_step(run="first", step=step, metrics={"loss": loss, "learning_rate": 1e-3})
    assert [record.getMessage() for record in caplog.records] == [
        "first: from step 2 on, loss is not finite."
    ]


def test_each_run_is_told_of(caplog):
    hook = {{ cookiecutter.__class }}()
    for run in ("first", "second"):
        hook.training_started()
        hook.training_step(run=run, step=1, metrics={"loss": math.inf})
    assert len(caplog.records) == 2
