"""Which package indexes of a matrix do not answer, found out before anything is asked of them.

A tool that meets one waits for it once for each distribution and tries again, in every cell.
"""

from __future__ import annotations

import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from urllib.parse import urlsplit

ASKED = "anemoi-core"
"""Every index may be asked about it; one that does not have it answers too."""


def silences(urls: Iterable[str]) -> dict[str, str]:
    """A sentence on each index that gives no page in the seconds of ``UV_HTTP_TIMEOUT``, 30 by default.

    Parameters
    ----------
    urls
        Their addresses; one that is a folder is not asked.
    """
    seconds = float(os.environ.get("UV_HTTP_TIMEOUT") or 30)
    remote = [url for url in urls if urlsplit(url).scheme in ("http", "https")]
    said = dict.fromkeys(remote, f"has given no page in {seconds:g} s")
    deadline = time.monotonic() + seconds

    def ask(url: str) -> None:
        said[url] = _why_silent(url)

    # A server that sends a byte now and then keeps a reader busy for ever: it is the thread that is given up.
    asking = [threading.Thread(target=ask, args=(url,), daemon=True) for url in remote]
    for each in asking:
        each.start()
    for each in asking:
        each.join(max(0.0, deadline - time.monotonic()))
    return {url: f"the index {_public(url)} {why}" for url, why in dict(said).items() if why}


def _public(url: str) -> str:
    """An address without the password that may be in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _why_silent(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{_public(url).rstrip('/')}/{ASKED}/") as answer:
            answer.read()
    except urllib.error.HTTPError as error:  # It does not have it, or wants a password: it answers.
        return f"answers with {error.code} {error.reason}" if error.code >= 500 else ""
    except urllib.error.URLError as error:
        return f"cannot be reached: {error.reason}"
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}"
    return ""
