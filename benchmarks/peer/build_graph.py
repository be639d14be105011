"""Build a graph with anemoi-graphs, as its command does, and say how long it took and how much memory."""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from anemoi.graphs.create import GraphCreator
from omegaconf import OmegaConf


def main() -> None:
    """``build_graph.py RECIPE RESULT``: the nodes and edges go to RESULT, an .npz file."""
    recipe, result = map(Path, sys.argv[1:])
    config = OmegaConf.create({"graph": OmegaConf.load(recipe)})
    OmegaConf.resolve(config)
    began, busy = time.perf_counter(), time.process_time()
    creator = GraphCreator(config=config.graph)
    graph = creator.clean(creator.post_process(creator.update_graph(_empty())))
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        f"nodes/{name}": np.rad2deg(graph[name].x.numpy().astype(np.float64)) for name in graph.node_types
    }
    for source, _, target in graph.edge_types:
        found[f"edges/{source}/{target}"] = graph[source, "to", target].edge_index.numpy()
    np.savez(result, **found)
    print(json.dumps({"seconds": seconds, "processor": busy, "bytes": peak}))


def _empty():
    from torch_geometric.data import HeteroData

    return HeteroData()


if __name__ == "__main__":
    main()
