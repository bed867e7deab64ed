"""The Edge server: Qdrant's own engine behind the part of Qdrant's REST interface that we use.

`python -m stack.edge --path DIR --port N` runs it; the supervisor and the tests start that.
"""
