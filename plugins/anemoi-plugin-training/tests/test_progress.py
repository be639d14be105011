"""How far a training has come and how long it still takes, by a clock of the test's."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from anemoi_plugin_training.progress import Progress, in_words, work


def shown(phases, *, terminal=False, until=None, loss=lambda step: 1.0, wait=0.0):
    """What is printed of a training in which a forecast step takes a second."""
    now = [0.0]
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=140)
    with Progress(phases, console=console, clock=lambda: now[0]) as progress:
        step = 0
        for rollout, steps in phases:
            for _ in range(steps):
                step += 1
                # The first step takes long: it compiles, and fills caches.
                now[0] += 100.0 if step == 1 else rollout
                progress.wait(wait)
                progress.step(step, loss(step))
                if step == until:
                    return file.getvalue()
    return file.getvalue()


@pytest.mark.parametrize(
    ("first", "done"),
    [(0, 0), (1, 1), (3, 3), (4, 5), (5, 7), (None, 7), (9, 7)],
)
def test_work_counts_forecast_steps(first, done):
    assert work([(1, 3), (2, 2)], first) == done


def test_lines_say_the_time_left_with_longer_steps_to_come():
    lines = shown([(1, 500), (2, 500)]).splitlines()
    assert len(lines) == 11
    # After 20 steps 480 of one second and 500 of two are left: 1480 s.
    assert lines[0] == "step 20 of 1000, loss 1.0000 (mean of 20 steps), about 25 min left"
    assert lines[5] == "step 500 of 1000, loss 1.0000 (mean of 20 steps), about 17 min left"
    assert lines[9] == "step 900 of 1000, loss 1.0000 (mean of 20 steps), about 3 min left"
    assert lines[10] == "step 1000 of 1000, loss 1.0000 (mean of 20 steps)"


def test_a_short_training_has_a_line_for_each_step_and_no_estimate_from_the_first():
    assert shown([(1, 2), (2, 0)]).splitlines() == [
        "step 1 of 2, loss 1.0000",
        "step 2 of 2, loss 1.0000 (mean of 2 steps)",
    ]


def test_a_terminal_shows_a_bar_of_steps_with_the_time_left():
    seen = shown([(1, 50), (2, 50)], terminal=True)
    assert "100/100" in seen
    assert "loss 1.0000" in seen
    assert "0:00:00" in seen
    assert "left" not in seen


def test_a_loss_is_that_of_its_step_or_says_over_how_many_it_is_a_mean():
    lines = shown([(1, 1000), (2, 0)], loss=float).splitlines()
    assert "loss 10.5000 (mean of 20 steps)" in lines[0]  # of steps 1 to 20
    assert "loss 990.5000 (mean of 20 steps)" in lines[-1]
    assert shown([(1, 1), (2, 0)], loss=float).splitlines() == ["step 1 of 1, loss 1.0000"]


def test_waiting_for_data_is_shown_where_it_is_much_and_always_on_a_terminal():
    assert "20% of the time waiting for data" in shown([(1, 20), (2, 0)], wait=0.2)
    assert "waiting" not in shown([(1, 20), (2, 0)], wait=0.03)
    assert "3% of the time waiting for data" in shown([(1, 20), (2, 0)], wait=0.03, terminal=True)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "less than 1 min"), (59, "less than 1 min"), (90, "about 2 min"), (7200, "about 2 h")],
)
def test_durations_in_words(seconds, words):
    assert in_words(seconds) == words


def test_a_training_that_goes_on_counts_the_time_of_its_own_steps():
    now = [0.0]
    file = io.StringIO()
    phases = [(1, 500), (2, 500)]
    with Progress(phases, console=Console(file=file, width=100), clock=lambda: now[0]) as progress:
        for step in range(480, 501):
            now[0] += 1.0
            progress.step(step, 1.0)
    # In 20 s from step 480 to 500, so that 500 of two seconds are left.
    assert file.getvalue().splitlines()[-1] == (
        "step 500 of 1000, loss 1.0000 (mean of 20 steps), about 17 min left"
    )
