"""The jobs that come with the server."""
