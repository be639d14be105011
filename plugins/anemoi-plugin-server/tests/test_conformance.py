"""A wrong job is caught by the check that names its fault, and no other; a right one by none."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Annotated

import pytest
from anemoi_plugin_testing import check, checks

from anemoi_plugin_server.job import Choice, Job, Progress

WRONG = []


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


class Product(Job):
    """Makes a product, as a third party would.

    Parameters
    ----------
    model
        The model.
    source
        Where it begins.
    steps
        How many steps.
    """

    title = "Product"

    def __init__(
        self,
        *,
        model: Annotated[str, Choice("model")] = "none",
        source: Annotated[str | None, Choice("source")] = None,
        steps: int = 3,
    ) -> None:
        self.model, self.source, self.steps = model, source, steps

    def suite(self, workspace):
        suite = {"checkpoint": str(workspace.model(self.model)), "steps": self.steps}
        return {**suite, "source": dict(workspace.source(self.source))} if self.source else suite

    def command(self, workspace):
        (workspace.directory / self.results).mkdir(exist_ok=True)
        (workspace.directory / "suite.yaml").write_text(json.dumps(self.suite(workspace)))
        return ["forecast", "suite.yaml"]

    def progress(self, before, event):
        return Progress(before.done + 1, before.total) if event["event"] == "state" else before


@caught_by("options_are_described")
class Untyped(Product):
    """Makes a product.

    Parameters
    ----------
    steps
        How many.
    """

    def __init__(self, *, steps=3):
        super().__init__(model="a", steps=steps)


@caught_by("options_are_described")
class Silent(Product):
    """Makes a product."""

    def __init__(self, *, steps: int = 3):
        super().__init__(model="a", steps=steps)


@caught_by("options_name_no_place")
class WithPath(Product):
    """Makes a product.

    Parameters
    ----------
    places
        Where.
    """

    def __init__(self, *, places: list[Path] | None = None):
        super().__init__(model="a")


@caught_by("has_a_title")
class Nameless(Product):
    title = ""


@caught_by("has_a_title")
class Talkative(Product):
    title = "A product\nof two lines"


@caught_by("chooses_what_servers_offer")
class OfFiles(Product):
    """Makes a product.

    Parameters
    ----------
    file
        Which.
    """

    def __init__(self, *, file: Annotated[str, Choice("file")] = "a"):
        super().__init__(model="a")


@caught_by("builds")
class Fails(Product):
    def __init__(self):
        raise RuntimeError("no")


@caught_by("makes_a_command")
class OneWord(Product):
    def command(self, workspace):
        super().command(workspace)
        return "forecast"


@caught_by("makes_a_command")
class AnotherProgram(Product):
    def command(self, workspace):
        super().command(workspace)
        return ["rm", "-rf", "/"]


@caught_by("makes_a_command")
class Trusting(Product):
    def command(self, workspace):
        return [*super().command(workspace), "--trust-code"]


@caught_by("makes_a_command")
class NumbersAsWords(Product):
    def command(self, workspace):
        return [*super().command(workspace), self.steps]


@caught_by("stays_in_its_directory")
class WritesBeside(Product):
    def command(self, workspace):
        (workspace.directory.parent / f"log-{workspace.attempt}").write_text("x")
        return super().command(workspace)


@caught_by("stays_in_its_directory")
class ChangesItsModel(Product):
    def command(self, workspace):
        words = super().command(workspace)
        with workspace.model(self.model).open("a") as file:
            file.write("x")
        return words


@caught_by("asks_for_what_is_chosen")
class TakesTheNameForAPath(Product):
    def suite(self, workspace):
        workspace.source(self.source)
        return {"checkpoint": f"/models/{self.model}"}


@caught_by("asks_for_what_is_chosen")
class ForgetsTheSource(Product):
    def suite(self, workspace):
        return {"checkpoint": str(workspace.model(self.model))}


@caught_by("goes_on")
class BeginsAnew(Product):
    def command(self, workspace):
        shutil.rmtree(workspace.directory / self.results, ignore_errors=True)
        return super().command(workspace)


@caught_by("goes_on")
class DoneAtOnce(Product):
    def command(self, workspace):
        return super().command(workspace) if workspace.attempt == 1 else []


@caught_by("is_the_same_every_time")
class RandomFile(Product):
    def suite(self, workspace):
        return {**super().suite(workspace), "seed": random.random()}


@caught_by("is_the_same_every_time")
class RandomCommand(Product):
    def command(self, workspace):
        return [*super().command(workspace), f"seed={random.random()}"]


@caught_by("leaves_what_is_offered_alone")
class TakesAway(Product):
    def suite(self, workspace):
        workspace.source(self.source).pop("path")
        return super().suite(workspace)


@caught_by("passes_over_unknown_events")
class Counts(Product):
    def progress(self, before, event):
        return Progress(before.done + 1, before.total)


@caught_by("passes_over_unknown_events")
class NeedsAll(Product):
    def progress(self, before, event):
        return Progress(event["done"], event["of"])


@caught_by("options_survive_a_configuration")
class OtherDefault(Product):
    """Makes a product.

    Parameters
    ----------
    steps
        How many.
    """

    def __init__(self, **given):
        super().__init__(model="a", source="b")
        self.given = given

    def command(self, workspace):
        return [*super().command(workspace), *(["more"] if "steps" in self.given else [])]


def wrong_ones(component, **options):
    return [each for each in check("job", component, **options) if each.status != "pass"]


def test_a_right_job_passes_every_check():
    assert wrong_ones(Product) == []
    assert wrong_ones(Product, steps=7, model="other") == []


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_job_is_caught_by_the_check_that_names_its_fault(name, component):
    found = wrong_ones(component)
    assert [each.check for each in found if each.status == "fail"] == [name]
    assert all("skipped" in each.status for each in found if each.check != name)


def test_every_check_catches_something():
    assert {each.values[0] for each in WRONG} == {each.name for each in checks("job")}
