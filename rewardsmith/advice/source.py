"""A feedback source that asks a model, about all attempts of a generation at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rewardsmith.interfaces import Scene
from rewardsmith.types import Attempt, Feedback


class Advice:
    """Asks when the first attempt of a scene is commented on, so that its questions are under way together."""

    def __init__(self, name: str, consult: Callable[[Scene], Mapping[str, Feedback]]) -> None:
        self.name = name
        self._consult = consult
        self._scene: Scene | None = None
        self._said: Mapping[str, Feedback] = {}

    def comment(self, attempt: Attempt, scene: Scene) -> Feedback | None:
        """What was found of this attempt; None where there was nothing to ask."""
        if scene is not self._scene:
            self._said, self._scene = self._consult(scene), scene
        return self._said.get(attempt.id)
