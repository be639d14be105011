"""What must not be in anything that is passed on: who a URL is opened as, and with which password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_USER_INFO: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,31}://)[^\s/?#\"'@]*(?:@[^\s/?#\"'@]*)*@"
)

MASK: Final = "***"
"""What stands for the user and the password."""


def masked(value: Any) -> Any:
    """Mask the user-info of every URL in a text, or in the texts of JSON: ``https://***@host/``.

    Parameters
    ----------
    value
        A text, or mappings, lists and what else JSON holds. Keys are left as they are.
    """
    if isinstance(value, str):
        return _USER_INFO.sub(rf"\g<scheme>{MASK}@", value) if "@" in value else value
    if isinstance(value, Mapping):
        return {key: masked(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(each) for each in value]
    return value
