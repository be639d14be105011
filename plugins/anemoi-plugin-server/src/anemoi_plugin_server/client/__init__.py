"""A client of the server: what `anemoi jobs` does, for programs.

::

    from anemoi_plugin_server.client import Client

    client = Client("http://localhost:8080")
    job = client.submit("forecast", model="aifs", start="2025-12-22T00", lead_time="72h")
    for job in client.watch(job["id"]):
        print(job["state"], job["done"], "of", job["total"])
    client.fetch(job["id"], "forecast")
"""

from .client import Client
from .tokens import token_for

__all__ = ["Client", "token_for"]
