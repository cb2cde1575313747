"""What MuJoCo says of a model that it refuses: in one line, and with the way out where it is a keyframe's fault."""

from __future__ import annotations

import re

MISFITS = (
    r"keyframe '(?P<key>[^']*)': invalid (?P<what>\w+) size",
    r"keyframe \d+: invalid (?P<what>\w+) size.*\sElement name '(?P<key>.*)', id",
    r"Keyframe (?P<key>.*) has invalid (?P<what>\w+) size",
)
"""The wordings of one fault: a keyframe has more or fewer numbers than the model."""


def one_line(fault: Exception) -> str:
    """MuJoCo's own words, in one line."""
    words = " ".join(line.strip() for line in str(fault).splitlines() if line.strip())
    return re.sub(r"^(XML )?Error: ", "", words).rstrip(".") + "."


def way_out(fault: Exception) -> str:
    """The way out where a keyframe does not fit any more, with a blank before it; else empty."""
    found = (re.search(wording, str(fault), re.DOTALL) for wording in MISFITS)
    misfit = next((match for match in found if match), None)
    if misfit is None:
        return ""
    key = f"key({misfit['key'] or '*'})"
    anew = f"set it anew, {{set: {key}, {misfit['what']}: [...]}}, or " if misfit["key"] else ""
    return f" After an edit that changes what the model has, {anew}delete the keyframe: {{delete: {key}}}."
