"""The ingest client: reads a shop's feed, checks it, and sends it to the web API.

Needs neither the database nor torch; `ingest.cli` is its one user interface.
"""
