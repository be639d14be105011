"""What a wheel was made of, as an in-toto statement with SLSA provenance.

It is not signed: whoever can write to the index can write it. A file on the package index is attested there,
by its trusted publisher, in the workflow of the repository (PEP 740).

References
----------
in-toto Attestation Framework, Statement v1, https://in-toto.io/Statement/v1; SLSA provenance v1,
https://slsa.dev/provenance/v1.
"""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any

from .wheels import Wheel


def statement(wheel: Wheel, *, commit: str, tag: str, epoch: int) -> str:
    """The statement about one wheel.

    Parameters
    ----------
    wheel
        The wheel.
    commit, tag
        What it was built from.
    epoch
        The time that the build was given, in seconds: with it the same commit gives the same wheel.
    """
    source = next(
        (
            str(each).partition(", ")[2]
            for each in wheel.metadata.get_all("Project-URL") or []
            if str(each).lower().startswith("source,")
        ),
        wheel.name,
    )
    document: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": wheel.path.name, "digest": {"sha256": wheel.sha256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://peps.python.org/pep-0517/",
                "externalParameters": {"source": source, "tag": tag},
                "internalParameters": {"SOURCE_DATE_EPOCH": epoch},
                "resolvedDependencies": [{"uri": source, "digest": {"gitCommit": commit}}],
            },
            "runDetails": {
                "builder": {
                    "id": "https://pypi.org/project/anemoi-meta-ci/",
                    "version": {"anemoi-meta-ci": importlib.metadata.version("anemoi-meta-ci")},
                }
            },
        },
    }
    return json.dumps(document, indent=2) + "\n"


def commit_of(path: Path) -> str:
    """The commit that the statement in a file names."""
    named: str = json.loads(path.read_text(encoding="utf-8"))["predicate"]["buildDefinition"][
        "resolvedDependencies"
    ][0]["digest"]["gitCommit"]
    return named
