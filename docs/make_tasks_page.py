"""Writes the table of tasks into docs/tasks.md, between its two marks, from the task files.

`python docs/make_tasks_page.py` writes the text alone; with `--pictures` it also draws docs/pictures/<task>.jpg anew,
all of them or those that are named. Pictures need EGL (`rewardsmith doctor` says whether it draws), but no display and
no GPU.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from rewardsmith import config, opengl, sim, taskfile
from rewardsmith.interfaces import Picture
from rewardsmith.taskfile import LoadedTask
from rewardsmith.types import Task

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER / "tasks.md"
PICTURES = FOLDER / "pictures"
BEGIN = "<!-- made by docs/make_tasks_page.py from the task files -->"
END = "<!-- end of what is made -->"
WIDTH, HEIGHT = 240, 180  # pixels
LIMIT_BYTES = 15_000

FAMILIES: dict[str, dict[str, str]] = {
    "Gymnasium": {
        "half_cheetah_run": "run forward as fast as it can",
        "hopper_hop": "hop far on one leg without falling",
        "walker_walk": "walk far on two legs in a plane",
        "swimmer_forward": "swim forward as fast as it can",
        "ant_run": "run far on four legs",
        "humanoid_run": "run far on two legs without falling",
        "inverted_pendulum_balance": "keep a pole upright on a cart",
        "reacher_reach": "bring a fingertip to a target and hold it there",
    },
    "Models of our own": {
        "cartpole_swingup": "swing a pole up and keep it upright",
        "ball_balance": "roll a ball to a target by tilting a plate",
        "quadcopter_hover": "fly to a place in the air and hover there",
    },
    "Gymnasium's models, in MuJoCo itself": {
        "hopper_front_flip": "flip forward on Mars and land on the foot",
        "hopper_back_flip": "flip backward and land on the foot",
        "ant_wave_leg": "stand on three legs and wave the fourth to a beat",
        "ant_lie_down": "turn over, lie on the back and keep still",
        "ant_run_mjcf": "run far on four legs",
        "humanoid_run_mjcf": "run far on two legs without falling",
    },
    "Robots of MuJoCo Menagerie, and the Shadow Hand": {
        "go1_velocity": "a robot dog keeps to a commanded velocity, pushed and in worlds that differ",
        "panda_open_drawer": "an arm grasps a handle and pulls a drawer open",
        "cube_rotate": "a five-fingered hand turns a cube to a wanted angle",
        "pen_spin": "a five-fingered hand spins a pen about the vertical",
    },
    "dm_control": {"dm_walker_walk": "get up and walk at 1 m/s"},
    "MetaWorld": {
        "reach": "bring the fingertips to a goal in the air",
        "push": "push a puck over the table to a goal",
        "pick_place": "lift a puck and carry it to a goal in the air",
        "sweep_into": "sweep a cube into a hole in the table",
        "peg_insert_side": "put a peg into a hole from the side",
        "button_press": "push a button in",
        "button_press_topdown": "press a button down from above",
        "door_open": "pull a door open",
        "door_close": "push a door shut",
        "door_unlock": "turn a door's lever to unlock it",
        "drawer_open": "pull a drawer open",
        "drawer_close": "push a drawer shut",
        "handle_press": "press a handle down",
        "handle_press_side": "press a handle down that stands sideways",
        "handle_pull": "draw a handle up",
        "window_open": "slide a window open",
        "window_close": "slide a window shut",
    },
    "MuJoCo Playground": {
        "go1_joystick": "a robot dog follows the commands of a joystick",
        "go1_handstand": "a robot dog does a handstand",
        "leap_cube_rotate": "a hand spins a cube about the vertical",
        "panda_pick_cube": "an arm lifts a block to a target",
        "panda_open_cabinet": "an arm pulls a drawer to a target",
    },
    "Hands": {
        "hand_pen": "turn a pen in the fingers to a wanted direction",
        "hand_block": "turn a cube in the fingers to a wanted rotation",
        "adroit_door": "unlatch a door and pull it open",
    },
}
"""Every task that ships, by family, and its goal in a phrase."""


def table() -> str:
    """The whole part of the page that is made.

    Raises: KeyError: a task ships that FAMILIES lacks, or the other way round.
    """
    named = {name for tasks in FAMILIES.values() for name in tasks}
    if named != set(taskfile.names()):
        raise KeyError(f"FAMILIES and tasks/ differ in {sorted(named ^ set(taskfile.names()))}")
    return "\n".join([BEGIN, *(line for family in FAMILIES for line in _family(family)), "", END])


def page(text: str) -> str:
    """`text` with the part that is made brought up to date."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{table()}{rest.partition(END)[2]}"


def _family(family: str) -> Iterator[str]:
    yield from ("", f"### {family}", "")
    yield "| | task | goal | signals | fitness | success | preset |"
    yield "|---|---|---|---:|---|---|---|"
    yield from (_row(taskfile.load(name), goal) for name, goal in FAMILIES[family].items())


def _row(loaded: LoadedTask, goal: str) -> str:
    task = loaded.task
    unit = "" if task.fitness.unit == "1" else f" [{task.fitness.unit}]"
    cells = (
        f"![{goal}](pictures/{task.name}.jpg)",
        f"[`{task.name}`](../tasks/{task.name}.yaml)<br>{_environment(task)}",
        goal,
        str(len(task.signals)),
        f"{task.fitness.doc}{unit}",
        (task.success.doc or task.success.source) if task.success else "-",
        config.resolve(loaded.settings).train.preset,
    )
    return f"| {' | '.join(' '.join(cell.split()).replace('|', '/') for cell in cells)} |"


def _environment(task: Task) -> str:
    """The environment's id, and a model of our own as a link to its file."""
    if task.env.backend == "mjcf" and task.env.id.endswith(".xml"):
        return f"[{Path(task.env.id).name}](../tasks/{task.env.id})"
    return task.env.id


# --- pictures -------------------------------------------------------------------------------------------------------

PAST_THE_GRIPPER = 4  # a camera of MetaWorld's; where the hand starts low, the arm is in its way
HIDDEN = {"button_press", "button_press_topdown", "door_close", "window_open", "window_close"}
CAMERAS = dict.fromkeys(FAMILIES["MetaWorld"].keys() - HIDDEN, PAST_THE_GRIPPER) | {"leap_cube_rotate": 0}
"""Where another camera of the model shows more than the environment's own view."""
STEPS = 12  # of random actions, so that bodies are not in their rest pose


def draw(names: Sequence[str]) -> None:
    """Write the pictures of some tasks."""
    from PIL import Image

    opengl.load_library()
    PICTURES.mkdir(exist_ok=True)
    for name in names:
        image = Image.fromarray(_rendered(taskfile.load(name))).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        file = PICTURES / f"{name}.jpg"
        for quality in range(85, 30, -5):
            image.save(file, quality=quality, optimize=True)
            if file.stat().st_size <= LIMIT_BYTES:
                break
        print(f"{file.name}: {file.stat().st_size} bytes")


def _rendered(loaded: LoadedTask) -> Any:
    """A picture of a task after a few random steps, `(3 * HEIGHT, 3 * WIDTH, 3)` uint8."""
    import envpool
    import numpy as np

    task = loaded.task
    if task.env.backend == "mjcf":
        return _model(task)
    env = envpool.make(
        task.env.id, env_type="gymnasium", num_envs=1, seed=1, render_mode="rgb_array",
        render_width=3 * WIDTH, render_height=3 * HEIGHT, render_camera_id=CAMERAS.get(task.name, -1),
        **task.env.options,
    )  # fmt: skip
    draws = np.random.default_rng(0)
    env.reset()
    for _ in range(STEPS):
        space = env.action_space
        env.step(draws.uniform(space.low, space.high, (1, *space.shape)).astype(space.dtype))
    image = np.array(env.render())[0]
    env.close()
    return image


def _model(task: Task) -> Any:
    """The same of a model of our own, drawn by MuJoCo."""
    picture = Picture(width=3 * WIDTH, height=3 * HEIGHT)
    simulator = sim.make_visible(task, env_seeds=[1], info_fields=(), picture=picture)
    draws = torch.Generator().manual_seed(0)
    simulator.reset()
    for _ in range(STEPS):
        simulator.step(torch.rand(1, len(simulator.action_low), generator=draws) * 2 - 1)
    image = simulator.render(0)
    simulator.close()
    return image


def main(words: Sequence[str]) -> None:
    if words[:1] == ["--pictures"]:
        draw(words[1:] or taskfile.names())
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
