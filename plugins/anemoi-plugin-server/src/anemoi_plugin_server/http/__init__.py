"""The application: the API and the pages over HTTP."""
