"""Any MuJoCo model as a task: a model file and what the task file declares of it, stepped by MuJoCo itself.

`declared.py` is what a task file may say, `robots.py` finds a robot's files, `model.py` makes the model, `fields.py`
says where in a state each of MuJoCo's names lies, `starts.py` draws episodes' beginnings, `worlds.py` makes worlds that
differ, `code.py` reads the Python a task brings, `physics.py` steps, `faults.py` says what went wrong when physics
does, and `simulator.py` puts them together. Only `declared.py` may be imported before MuJoCo is needed.
"""
