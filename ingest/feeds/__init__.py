"""Readers of product feeds, one a format: each yields records one by one, in the feed's order.

`ingest.rows` checks what they yield; `ingest.feeds.feed` chooses the reader.
"""
