"""What an operator runs, in an environment without a trainer: forecasts as said on standard input, to a file."""

import json
import sys
from importlib.util import find_spec

import numpy as np
from anemoi.core import config, forecast, load_checkpoint

assert find_spec("anemoi_plugin_training") is None
asked = json.load(sys.stdin)
checkpoint = load_checkpoint(asked["checkpoint"])
sources = {name: config.build("source", spec) for name, spec in asked["sources"].items()}
fields: dict[str, list[np.ndarray]] = {}
leads: dict[str, list[np.timedelta64]] = {}
for number, options in enumerate(asked["forecasts"]):
    for state in forecast(checkpoint, sources, **options):
        fields.setdefault(f"{number}/{state.domain}", []).append(state.fields)
        leads.setdefault(f"{number}/{state.domain}", []).append(state.lead_time)
np.savez(
    asked["output"],
    **{f"{name}/fields": np.stack(values) for name, values in fields.items()},
    **{f"{name}/leads": np.array(values) for name, values in leads.items()},
)
