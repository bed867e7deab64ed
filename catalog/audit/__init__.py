"""Audits of a catalog: does the index agree, what has few look-alikes, what is there twice."""
