"""Where generated Python runs, only to be traced: the trusted side and the locked worker it starts."""

from rewardsmith.sandbox.parent import ProcessSandbox

__all__ = ["ProcessSandbox"]
