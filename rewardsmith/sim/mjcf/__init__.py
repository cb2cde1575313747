"""Any MuJoCo model as a task: a model file and what the task file declares of it, stepped by MuJoCo itself.

`declared.py` is what a task file may say, `robots.py` finds a robot's files, `model.py` makes the model, `edits.py`
changes it, `elements.py` knows what in it has which name, `fields.py` says where in a state each of MuJoCo's names
lies, `expressions.py` reads them, `code.py` finds the Python that a task brings, `calls.py` calls it. `starts.py` says
where episodes begin, `worlds.py` how worlds differ, `draws.py` draws numbers, `episodes.py` puts these together.
`threads.py` steps a batch on the CPU through `physics.py`; `device.py` does on a GPU, through `warp.py` and
`varied.py`. `faults.py` says what went wrong when physics does. `simulator.py` is the door. Only `declared.py` may be
imported before MuJoCo is needed.
"""
