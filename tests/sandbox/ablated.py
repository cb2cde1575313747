"""The sandbox's worker without its gate and without its restricted namespace: a candidate has the whole of Python.

For the tests that ask whether the locked process holds on its own. Never part of the product.
"""

import ast
import builtins
import sys

sys.path.insert(0, sys.argv[1])

from rewardsmith.sandbox import gate, jobs, namespace, zygote


def _unchecked(code: str) -> gate.Gated:
    """All of the code, to be run whether or not there is a reward in it."""
    tree = ast.parse(code)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and "reward" in node.name]
    if not functions:
        return gate.Gated(tree, gate.FUNCTION, (gate.Argument("x_velocity", 1, optional=False),))
    given = functions[0].args
    last = len(given.args) - len(given.defaults)
    arguments = tuple(gate.Argument(arg.arg, arg.lineno, optional=i >= last) for i, arg in enumerate(given.args))
    return gate.Gated(tree, functions[0].name, arguments)


def _trace(request: jobs.Request, states: jobs.States) -> dict[str, object]:
    gate.check = _unchecked
    namespace.fresh = lambda: {"__builtins__": builtins, "__name__": "reward"}
    return jobs.trace(request, states)


if __name__ == "__main__":
    zygote.main({**jobs.JOBS, "trace": _trace})
