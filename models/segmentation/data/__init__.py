"""Converters from each source of labelled photos into one COCO form.

Called by `lookalike data prepare`; training and evaluation read only what they write.
"""
