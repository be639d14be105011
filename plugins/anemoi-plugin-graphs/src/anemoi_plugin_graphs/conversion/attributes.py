"""The attributes of nodes and edges of anemoi-graphs as ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..neighbours import EARTH
from .nodes import Laid
from .reading import GIVEN, Log, Missing, Options

Spec = dict[str, Any]
Attributes = dict[str, Spec]

NORMALISATIONS = (None, "l1", "l2", "unit-max", "unit-sum", "unit-std")


def node_attributes(where: str, values: Mapping[str, Any], laid: Laid, log: Log) -> Attributes:
    """Translate the attributes of one set of nodes; one that is written within another comes before it."""
    found: Attributes = {}
    for label, each in values.items():
        _node_attribute(label, Options(f"{where}.{label}", each, log), laid, found)
    return found


def edge_attributes(where: str, values: Mapping[str, Any], log: Log) -> Attributes:
    """Translate the attributes of one set of edges."""
    found: Attributes = {}
    for label, each in values.items():
        options = Options(f"{where}.{label}", each, log)
        options.take("dtype")
        translate = EDGE_ATTRIBUTES.get(options.name)
        if translate is None:
            options.refuse("there is no such attribute of edges")
            continue
        found[label] = translate(options)
        options.finish()
    return found


def _node_attribute(label: str, options: Options, laid: Laid, found: Attributes) -> None:
    options.take("dtype")
    if options.name in COMBINED:
        masks = options.take("masks")
        names = []
        for number, each in enumerate(masks if isinstance(masks, list) else [masks]):
            if isinstance(each, str):
                names.append(each)
                continue
            own = f"{label}_{number + 1}"
            inner = Options(f"{options.where}.masks[{number}]", each, options.log)
            _node_attribute(own, inner, laid, found)
            if own not in found:
                continue  # refused
            names.append(next(known for known, spec in found.items() if spec == found[own]))
            if names[-1] != own:
                del found[own]  # another mask says the same
        found[label] = {"name": "combined-mask", "masks": names, "where": COMBINED[options.name]}
    elif options.name == "LimitedAreaMask" and laid.reference is not None:
        found[label] = dict(laid.reference)
    elif options.name in NODE_ATTRIBUTES:
        found[label] = NODE_ATTRIBUTES[options.name](options)
    else:
        options.refuse("there is no such attribute of nodes")
        return
    options.finish()


def normalise(options: Options, default: str | None = None) -> str | None:
    """The normalisation, if it is one of ours."""
    norm = options.take("norm", default)
    if norm not in NORMALISATIONS and not isinstance(norm, Missing):
        options.refuse(f"the normalisation {norm} has no counterpart")
        return None
    found: str | None = norm
    return found


def areas(options: Options) -> Spec:
    """Cell areas."""
    options.take("fill_value")
    options.take("centre")
    norm = normalise(options)
    if options.take("radius", 1.0) != 1.0 and norm is None:
        options.refuse("areas are those of the unit sphere")
    found = {"name": "area", "normalise": norm}
    if options.name != "SphericalAreaWeights":
        found["cells"] = "lat-lon"
        options.note("cells at the border end where the grid would go on, not as large as the nearest inside")
    mask = options.take("mask_node_attr_name")
    return {**found, **({"mask": mask} if mask else {})}


def latitude_bands(options: Options) -> Spec:
    """The areas of latitude bands."""
    options.note("areas are those of the cells, which differ by less than 0.1 % on a regular grid")
    return {"name": "area", "normalise": normalise(options)}


def cosine(options: Options) -> Spec:
    """The cosine of the latitude."""
    if options.take("min_value", 1e-3) != 1e-3 or options.take("max_value", 1) != 1:
        options.refuse("the least and the largest weight are 0 and 1")
    options.note("the weight at a pole is 0, not 0.001")
    return {"name": "cosine-latitude", "normalise": normalise(options)}


def uniform(options: Options) -> Spec:
    """One for each node."""
    if normalise(options) not in (None, "unit-max"):
        options.refuse("uniform weights are ones, however many there are")
    return {"name": "uniform"}


def of_variable(**known: Any) -> Callable[[Options], Spec]:
    """What a variable of a data set says."""

    def translate(options: Options) -> Spec:
        if normalise(options) is not None:
            options.refuse("the values of a variable are not normalised")
        source = {"name": "zarr", "path": GIVEN}
        return {"name": "variable", "source": source, "variable": options.take("variable", GIVEN), **known}

    return translate


def of_grids(options: Options) -> Spec:
    """The points of one of the data sets that a cut-out or a join consists of."""
    grids = options.take("grids", 0)
    if grids in (0, [0]):
        options.note("say how many points the first of the joined data sets has: stop")
        return {"name": "numbered", "stop": GIVEN}
    if isinstance(grids, list) and len(grids) != 1:
        options.refuse("a mask of several grids has no counterpart; write one for each, and combine them")
    options.note("say which points are those of the grid: from start to before stop")
    return {"name": "numbered", "start": GIVEN, "stop": GIVEN}


def length(options: Options) -> Spec:
    """Lengths."""
    return {"name": "length", "normalise": normalise(options)}


def direction(options: Options) -> Spec:
    """Directions."""
    options.note("three numbers (up, east, north) that shrink with the distance, not a unit vector of two")
    return {"name": "direction", "normalise": normalise(options)}


def harmonics(options: Options) -> Spec:
    """Harmonics of directions."""
    if normalise(options) is not None:
        options.refuse("harmonics are not normalised")
    options.note("angles are counted from north, clockwise")
    return {"name": "directional-harmonics", "order": options.take("order", 3)}


def azimuth(options: Options) -> Spec:
    """Bearings."""
    options.note("in units of π, and not normalised further")
    options.take("norm")
    return {"name": "azimuth"}


def gaussian(options: Options) -> Spec:
    """Bell curves of the distance."""
    if normalise(options, "l1") != "l1":
        options.refuse("weights sum to one for each target (l1)")
    sigma = options.take("sigma", 1.0)
    width = sigma * EARTH if isinstance(sigma, int | float) else sigma
    return {"name": "gaussian-distance-weights", "width_km": width}


def radial(options: Options) -> Spec:
    """Bell curves around several distances."""
    options.take("epsilon")
    if normalise(options, "l1") != "l1":
        options.refuse("values sum to one for each target (l1)")
    if options.take("r_scale") is not None:
        options.refuse("distances are shares of the longest edge of the same target (r_scale: null)")
    centres = options.take("centers")
    width = options.take("sigma", 0.2)
    return {"name": "radial-basis", "width": width, **({"centres": centres} if centres is not None else {})}


def of_nodes(end: str) -> Callable[[Options], Spec]:
    """An attribute of one end."""

    def translate(options: Options) -> Spec:
        options.take("norm")
        attribute = options.take("node_attr_name", GIVEN)
        return {"name": "of-nodes", "attribute": attribute, "of": end}

    return translate


COMBINED: Mapping[str, str] = {"BooleanNot": "none", "BooleanAndMask": "all", "BooleanOrMask": "any"}

NODE_ATTRIBUTES: Mapping[str, Callable[[Options], Spec]] = {
    "SphericalAreaWeights": areas,
    "PlanarAreaWeights": areas,
    "MaskedPlanarAreaWeights": areas,
    "IsolatitudeAreaWeights": latitude_bands,
    "CosineLatWeightedAttribute": cosine,
    "UniformWeights": uniform,
    "AnemoiDatasetVariableWeights": of_variable(),
    "NonmissingAnemoiDatasetVariable": of_variable(known=True),
    "CutOutMask": of_grids,
    "GridsMask": of_grids,
}

EDGE_ATTRIBUTES: Mapping[str, Callable[[Options], Spec]] = {
    "EdgeLength": length,
    "EdgeDirection": direction,
    "DirectionalHarmonics": harmonics,
    "Azimuth": azimuth,
    "GaussianDistanceWeights": gaussian,
    "RadialBasisFeatures": radial,
    "AttributeFromSourceNode": of_nodes("source"),
    "AttributeFromTargetNode": of_nodes("target"),
}
