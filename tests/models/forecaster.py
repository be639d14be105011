"""What an operator runs, in an environment without a trainer: a forecast for each line that is read."""

import json
import sys
from importlib.util import find_spec

import numpy as np
from anemoi.core import config, forecast, load_checkpoint
from anemoi.core.errors import AnemoiError


def made(checkpoint, sources, output, **options):
    """Make one forecast; what is written of each domain are its states and lead times."""
    opened = {name: config.build("source", spec) for name, spec in sources.items()}
    states: dict[str, list] = {}
    for state in forecast(load_checkpoint(checkpoint), opened, **options):
        states.setdefault(state.domain, []).append(state)
    arrays = {f"{name}/fields": np.stack([each.fields for each in some]) for name, some in states.items()}
    leads = {f"{name}/leads": np.array([each.lead_time for each in some]) for name, some in states.items()}
    np.savez(output, **arrays, **leads)


assert find_spec("anemoi_plugin_training") is None
for line in sys.stdin:
    try:
        made(**json.loads(line))
        print(json.dumps({"error": None}), flush=True)
    except AnemoiError as error:
        print(json.dumps({"error": str(error)}), flush=True)
