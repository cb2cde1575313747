"""Drafting a task file for an environment that has none: look at it, propose, and leave goal and fitness to a person.

`survey.py` finds out what can be known by making and stepping the environment, `timing.py` how long its episodes and
control steps last, `tables.py` what its documentation says of each number, `entries.py` turns that into proposed
signals, `page.py` writes the YAML. Nothing here judges whether a task is a good one.
"""
