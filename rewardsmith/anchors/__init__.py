"""Anchors: what random actions, the expert's and the sparse reward reach on a task, measured once and kept.

`record.py` is the file, `measure.py` fills it, `scale.py` draws from it what prompts and reports tell.
"""
