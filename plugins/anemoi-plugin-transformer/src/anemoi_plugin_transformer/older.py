"""Weights of release 0.1.0, which had other names for the same layers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

_OF_BOTH = {
    r"mlp\.0\.": "mlp.hidden.0.linear.",
    r"mlp\.2\.": "mlp.out.",
    r"norm_mlp\.(?=weight|bias)": "norm_mlp.norm.",
}
MAPPER = {
    **_OF_BOTH,
    r"(?=query\.|key_value\.|edge\.)": "attention.",
    r"attention_out\.": "attention.out.",
}
BLOCK = {
    **_OF_BOTH,
    r"(?=qkv\.|out\.)": "attention.",
    r"norm_attention\.(?=weight|bias)": "norm_attention.norm.",
}
"""What a name began with, and what it begins with now."""


class OlderWeights(nn.Module):
    """A layer that loads its weights under the names of 0.1.0 as well, and then computes as it did."""

    older: ClassVar[Mapping[str, str]]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        found = False
        for name in [name for name in state_dict if name.startswith(prefix)]:
            own = name.removeprefix(prefix)
            for before, now in self.older.items():
                if re.match(before, own):
                    state_dict[prefix + re.sub(before, now, own, count=1)] = state_dict.pop(name)
                    found = True
                    break
        if found:
            self.as_in_0_1_0()
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def as_in_0_1_0(self) -> None:
        """Compute to the bit as 0.1.0 did; nothing to do where the order of sums is still the same."""
