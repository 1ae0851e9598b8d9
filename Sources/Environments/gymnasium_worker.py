"""Runs Gymnasium environments for ditto: one process, several slots.

Started as `python -c <text> <setup>`, the text of gymnasium_spaces.py and then this one, where <setup> is JSON:
{"environment": id, "slots": n, "pipeline": {...}}, with the pipeline's fields as PixelPipeline.swift documents them.
Standard input is a socket for both directions. Standard output goes where standard error goes, so nothing an
environment prints can disturb the protocol. All numbers are little-endian.

    message   u32 length of what follows, then that
    request   u8 operation (0 reset, 1 step), then for each slot meant: u32 slot, and a u64, the seed; or an action, a
              u64 for each group of classes, then an f32 for each number
    reply     u8 status, then the rest
      0 done    after the start, JSON: "observation", a list of fields with "name" and "image" ([C, Y, X]), "vector"
                (its length) or "classes" (how many each group has), "actions", a list of parts with "name" and
                "classes" and "starts" (the number of each group's first), or "low" and "high", "leftOut", the names of
                texts, and "wholeNumbers", of each number whether only whole ones are taken;
                after a request, for each of its slots, in its order:
                f64 reward, u8 terminated, u8 truncated, frame: field by field a picture's u8 [C, Y, X], or f32s
      1 refused UTF-8: why this environment cannot be used
      2 missing UTF-8: what pip has to install

Any other exception ends the process with its traceback on standard error, and so does the end of the requests, quietly.
"""

import sys

# What lies in the working folder is found last: a file random.py there must not stand in for Python's own.
sys.path[:] = [folder for folder in sys.path if folder] + [""]

import json
import os
import random
import signal
import struct
import threading
import time

DONE, REFUSED, MISSING = 0, 1, 2
RESET = 0
PIP_NAMES = {
    "ale_py": "ale-py",
    "cv2": "opencv-python-headless",
    "Box2D": "gymnasium[box2d]",
    "mujoco": "gymnasium[mujoco]",
}


class SharedDraws:
    """What environments draw from beside their own generators: `random` and `numpy.random`, which all slots share.

    Each slot draws from them as if it were alone: with the state that it left, and after a reset from the episode's
    seed.
    """

    def __init__(self, slots):
        import numpy

        self.numpy = numpy.random
        self.states = [None] * slots
        self.current = None

    def seed(self, slot, seed):
        self.enter(slot)
        random.seed(seed)
        self.numpy.seed(seed & 0xFFFFFFFF)

    def enter(self, slot):
        if slot == self.current:
            return
        if self.current is not None:
            self.states[self.current] = random.getstate(), self.numpy.get_state()
        self.current = slot
        if self.states[slot] is not None:
            own, numpys = self.states[slot]
            random.setstate(own)
            self.numpy.set_state(numpys)


def make(environment, pipeline):
    """One instance, the fields of its frames, and the function that turns its latest observation into a frame."""
    import gymnasium

    kind, size, limit = pipeline["kind"], pipeline["size"], pipeline["maxEpisodeSteps"]
    options = arguments(pipeline) | ({"max_episode_steps": limit} if limit else {})
    if kind == "rendered":
        options |= {"render_mode": "rgb_array"}
    if kind == "atari":
        # The limit counts environment steps, not the frames inside them, so it goes around the preprocessing.
        own = {"frameskip": 1, "repeat_action_probability": pipeline["stickyActions"]}
        options = {"full_action_space": False} | arguments(pipeline) | own
    if kind == "atari" or environment.startswith("ALE/"):
        import ale_py

        gymnasium.register_envs(ale_py)
    try:
        env = gymnasium.make(environment, disable_env_checker=True, **options)
    except gymnasium.error.DependencyNotInstalled:
        raise
    except gymnasium.error.Error as error:
        raise Refusal(f"Gymnasium cannot make it: {error}") from error
    except TypeError as error:
        raise Refusal(
            f"it does not take what the pixel pipeline asks for "
            f"(kind '{kind}', arguments {pipeline['arguments']}): {error}"
        ) from error
    ordered_parts(env.action_space)

    if kind == "atari":
        from gymnasium.wrappers import AtariPreprocessing, TimeLimit
        import cv2

        class CountedNoops(AtariPreprocessing):
            """The seed's number of no-ops, where the original draws one."""

            def reset(self, *, seed=None, options=None):
                drawn, self.noop_max = self.noop_max, 0
                _, info = super().reset(seed=seed, options=options)
                self.noop_max = drawn
                for _ in range(1 + seed % drawn):
                    self.env.step(0)
                self.ale.getScreenGrayscale(self.obs_buffer[0])
                self.obs_buffer[1].fill(0)
                return self._get_obs(), info

        preprocessing = CountedNoops if pipeline["noopsBySeed"] and pipeline["noopMax"] else AtariPreprocessing
        env = preprocessing(env, noop_max=pipeline["noopMax"], frame_skip=pipeline["frameSkip"], screen_size=size)
        return (
            (TimeLimit(env, limit) if limit else env),
            [grey(SINGLE, size)],
            lambda observation: observation[None].tobytes(),
        )
    if kind == "rendered":
        if "rgb_array" not in env.metadata.get("render_modes", []):
            raise Refusal("it cannot render pictures; set the pixel pipeline's kind to none")
        picture = lambda: grey_picture(env.render(), pipeline["crop"], size).tobytes()
        if not pipeline["vector"]:
            return env, [grey(SINGLE, size)], lambda _: picture()
        if not is_vector(env.observation_space):
            raise Refusal(
                f"its observation is {env.observation_space}, not a vector; set the pixel pipeline's vector to false"
            )
        vector = {"name": "vector", "vector": env.observation_space.shape[0]}
        return env, [grey("pixels", size), vector], lambda observation: picture() + numbers(observation)
    # Pictures first, and of each kind in the order of their names, as in recordings.
    leaves = sorted(fields(env.observation_space), key=lambda leaf: ("image" not in leaf[0], leaf[0]["name"]))
    return (
        env,
        [field for field, _ in leaves],
        lambda observation: b"".join(field_bytes(field, taken, observation) for field, taken in leaves),
    )


def arguments(pipeline):
    """What the environment is made with besides, `key=value`: values are JSON, and text where they are none."""
    made = {}
    for argument in pipeline["arguments"]:
        key, equals, value = argument.partition("=")
        if not key.isidentifier() or not equals:
            raise Refusal(f"the pixel pipeline's arguments have '{argument}', where a name, '=' and a value belong")
        try:
            made[key] = json.loads(value)
        except ValueError:
            made[key] = value
    return made


def grey(name, size):
    return {"name": name, "image": [1, size, size]}


def grey_picture(picture, crop, size):
    """The RGB picture [Y, X, 3] cropped, as BT.601 luma, resized: [1, size, size]."""
    import cv2
    import numpy

    height, width = picture.shape[:2]
    top, bottom, left, right = crop
    bottom, right = bottom or height, right or width
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise Refusal(f"the pixel pipeline's crop {crop} does not fit the picture, {height} rows of {width} columns")
    luma = numpy.rint(picture[top:bottom, left:right] @ [0.299, 0.587, 0.114]).astype(numpy.uint8)
    return cv2.resize(luma, (size, size), interpolation=cv2.INTER_AREA)[None]


def spaces(env, observation, kind):
    """What the start's reply says."""
    left_out = list(texts(env.observation_space)) if kind == "none" else []
    actions = ordered_parts(env.action_space)
    whole = [number for part in actions for number in part.pop("whole", [])]
    return {"observation": observation, "actions": actions, "leftOut": left_out, "wholeNumbers": whole}


def act(env, to_frame, draws, slot, operation, value, size, actions):
    """One slot's part of a reply."""
    reward, terminated, truncated = 0.0, False, False
    if operation == RESET:
        seed = struct.unpack("<Q", value)[0]
        draws.seed(slot, seed)
        try:
            observation = first(env.reset(seed=seed))
        except TypeError as error:
            if "unexpected keyword" not in str(error):
                raise
            raise Refusal(
                f"its reset does not take a seed and options, as Gymnasium's do ({error}); give it both"
            ) from error
    else:
        draws.enter(slot)
        observation, reward, terminated, truncated = parts(env.step(action(env.action_space, actions, value)))
    try:
        frame = to_frame(observation)
    except Refusal as refusal:
        raise Refusal(
            f"its {'reset' if operation == RESET else 'step'} returned what is no observation of it: {refusal}"
        ) from refusal
    if len(frame) != size:
        raise ValueError(f"a frame has {len(frame)} bytes, expected {size}")
    return struct.pack("<d??", reward, terminated, truncated) + frame


def first(outcome):
    """The observation of what `reset` returned; some return nothing beside it."""
    return outcome[0] if isinstance(outcome, tuple) and len(outcome) == 2 and isinstance(outcome[1], dict) else outcome


def parts(outcome):
    """Observation, reward and both ends of what `step` returned, also as Gym had it: with one end, and in `info`
    whether that was a time limit."""
    if not isinstance(outcome, tuple) or len(outcome) not in (4, 5):
        count = len(outcome) if isinstance(outcome, tuple) else "no parts"
        raise Refusal(
            f"its step returned {type(outcome).__name__} of {count}, "
            "not observation, reward, terminated, truncated and info"
        )
    observation, reward, *ends, info = outcome
    if len(ends) == 1:
        truncated = bool(ends[0] and isinstance(info, dict) and info.get("TimeLimit.truncated"))
        ends = [bool(ends[0]) and not truncated, truncated]
    try:
        reward_number = float(getattr(reward, "item", lambda: reward)())
    except (TypeError, ValueError) as error:
        raise Refusal(f"its step returned the reward {reward!r}, which is no number") from error
    try:
        return observation, reward_number, bool(ends[0]), bool(ends[1])
    except (TypeError, ValueError) as error:
        raise Refusal(f"its step returned {ends!r} for whether the episode is over") from error


def serve(setup, requests, send):
    pipeline = setup["pipeline"]
    slots = [make(setup["environment"], pipeline) for _ in range(setup["slots"])]
    draws = SharedDraws(len(slots))
    seen = spaces(*slots[0][:2], pipeline["kind"])
    send(DONE, json.dumps(seen).encode())
    size = sum(map(size_of, seen["observation"]))
    action_size = sum(8 * len(part.get("classes", [])) + 4 * len(part.get("low", [])) for part in seen["actions"])
    while header := requests.read(4):
        request = requests.read(*struct.unpack("<I", header))
        width = 8 if request[0] == RESET else action_size
        records = struct.iter_unpack(f"<I{width}s", request[1:])
        send(
            DONE,
            b"".join(
                act(slots[slot][0], slots[slot][2], draws, slot, request[0], value, size, seen["actions"])
                for slot, value in records
            ),
        )


def missing_package(error):
    """What pip has to install so that `error` goes away, or None."""
    while error:
        if isinstance(error, ModuleNotFoundError) and error.name:
            module = error.name.split(".")[0]
            return PIP_NAMES.get(module, module)
        error = error.__cause__
    return None


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os.killpg(0, signal.SIGKILL)  # with whatever an environment has started


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the socket.
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    for name, value in {"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy", "OMP_NUM_THREADS": "1"}.items():
        os.environ.setdefault(name, value)

    requests, replies = open(0, "rb", closefd=False), open(0, "wb", closefd=False)

    def send(status, body):
        replies.write(struct.pack("<IB", 1 + len(body), status) + body)
        replies.flush()

    try:
        serve(json.loads(sys.argv[1]), requests, send)
    except Refusal as refusal:
        send(REFUSED, str(refusal).encode())
    except Exception as error:
        package = missing_package(error)
        if package is None:
            raise
        send(MISSING, package.encode())


main()
