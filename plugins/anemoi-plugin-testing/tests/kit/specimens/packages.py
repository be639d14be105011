"""Commands and packages of configuration."""

import types
from dataclasses import dataclass

from heavy_command import moon
from light_commands import anything, make, phases, sky

from . import caught_by, new_folder, right

right("command")(make())
right("command")(sky(make(), help="Draw the sky."))
caught_by("is_a_command", "command")(make)
caught_by("is_a_command", "command")(moon.callback)
caught_by("says_what_it_does", "command")(make(help=" "))
caught_by("says_what_it_does", "command")(sky(make()))
caught_by("shows_its_help", "command")(make(add_help_option=False))
caught_by("refuses_unknown_options", "command")(make(context_settings={"ignore_unknown_options": True}))
caught_by("refuses_unknown_options", "command")(anything)
caught_by("explains_its_options", "command")(phases)
caught_by("imports_nothing_heavy", "command")(moon)


@dataclass
class Settings:
    steps: int = 1


def package(files, settings=None, name=None):
    """A package that holds ``files``."""
    folder = new_folder()
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    module = types.ModuleType(name or "_".join(sorted(files)))
    module.__path__ = [str(folder)]
    if settings is not None:
        module.SETTINGS = settings
    return module


MOON = {"graph/moon.yaml": "name: none-such\nrefinement: 3\n"}
FIFTH = "name: every-fifth\nneighbours: 3\n"

right("config")(package(MOON))
right("config")(package({**MOON, "moon.yaml": "steps: 3\n"}, {"moon": Settings}))
right("config")(
    package(
        {
            "graph/fifth.yaml": FIFTH,
            "all/fifth.yaml": f"# @package _global_\ngraph: {{{FIFTH.replace(chr(10), ', ')}}}\n",
        }
    )
)
RAIN = "# @package _global_\ntransforms:\n  rain:\n    name: remapper\n    log1p: [tp]\n"
EPD = "name: encoder-processor-decoder\nchannels: 8\n"
right("config")(
    package(
        {
            "experiment/rain.yaml": RAIN,
            "objective/far.yaml": "name: rollout\nlead_time: 12h\n",
            "model/small.yaml": f"defaults: [other, _self_]\n{EPD}",
        }
    )
)
caught_by("gives_options_that_exist", "config")(package({"experiment/rain.yaml": f"{RAIN}    root: [tp]\n"}))
caught_by("gives_options_that_exist", "config")(package({"objective/far.yaml": "name: rollout\nsteps: 3\n"}))
caught_by("gives_options_that_exist", "config")(package({"model/small.yaml": f"{EPD}width: 3\n"}))
caught_by("gives_options_that_exist", "config")(package({"graph/fifth.yaml": f"{FIFTH}neighbors: 4\n"}))
caught_by("gives_options_that_exist", "config")(
    package({"all/fifth.yaml": "# @package _global_\ngraph: {name: every-fifth, degree: 4}\n"})
)
right("config")(package({"sky.yaml": "stars: 3\n"}, name="site"))
caught_by("declares_its_primary_files", "config")(package({"sky.yaml": "stars: 3\n"}))
caught_by("declares_its_primary_files", "config")(package({"skye.yaml": "stars: 3\n"}, name="site"))
caught_by("is_a_package", "config")(types.ModuleType("no_package"))
caught_by("is_a_package", "config")(Settings)
caught_by("holds_yaml", "config")(package({"moon.txt": "name: moon"}))
caught_by("holds_yaml", "config")(package({"graph/moon.yaml": "name: [moon"}))
caught_by("holds_yaml", "config")(package({"graph/moon.yaml": "- moon"}))
right("config")(package({**MOON, "graph/sun.yml": "name: sun"}))
caught_by("has_no_file_twice", "config")(package({**MOON, "graph/moon.yml": "name: sun"}))
caught_by("gives_options_that_exist", "config")(package({"graph/fifth.yml": f"{FIFTH}neighbors: 4\n"}))
caught_by("names_no_code", "config")(package({"graph/moon.yaml": "_target_: os.system\n"}))
caught_by("declares_its_primary_files", "config")(package({**MOON, "moon.yaml": "steps: 3\n"}))
caught_by("declares_its_primary_files", "config")(package(MOON, {"moon": Settings}))
caught_by("declares_its_primary_files", "config")(package({"moon.yaml": "steps: 3\n"}, {"moon": dict}))
