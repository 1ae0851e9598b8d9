"""Runs Gymnasium environments for ditto: one process, several slots.

Started as `python -c <this text> <setup>`, where <setup> is JSON: {"environment": id, "slots": n, "pipeline": {...}},
with the pipeline's fields as PixelPipeline.swift documents them. Standard input is a socket for both directions. Standard
output goes where standard error goes, so nothing an environment prints can disturb the protocol. All numbers are
little-endian.

    message   u32 length of what follows, then that
    request   u8 operation (0 reset, 1 step), then for each slot meant: u32 slot, u64 seed or action
    reply     u8 status, then the rest
      0 done    after the start, 4 x u32: channels, height, width, action count;
                after a request, for each of its slots, in its order:
                f64 reward, u8 terminated, u8 truncated, frame [C, Y, X]
      1 refused UTF-8: why this environment cannot be used
      2 missing UTF-8: what pip has to install

Any other exception ends the process with its traceback on standard error, and so does the end of the requests, quietly.
"""

import json
import os
import signal
import struct
import sys
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


class Refusal(Exception):
    """This environment cannot be used; the message says why and what to do."""


def make(environment, pipeline):
    """One instance, and the function that turns its latest observation into a frame [C, Y, X]."""
    import gymnasium

    kind, size, limit = pipeline["kind"], pipeline["size"], pipeline["maxEpisodeSteps"]
    options = {"max_episode_steps": limit} if limit else {}
    if kind == "rendered":
        options |= {"render_mode": "rgb_array"}
    if kind == "atari":
        # The limit counts environment steps, not the frames inside them, so it goes around the preprocessing.
        options = {"frameskip": 1, "repeat_action_probability": pipeline["stickyActions"], "full_action_space": False}
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
        raise Refusal(f"it does not take what the pixel pipeline's kind '{kind}' asks for: {error}") from error
    if not isinstance(env.action_space, gymnasium.spaces.Discrete):
        raise Refusal(f"its actions are {env.action_space}; only discrete ones are supported")

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
        return (TimeLimit(env, limit) if limit else env), lambda observation: observation[None]
    if kind == "rendered":
        if "rgb_array" not in env.metadata.get("render_modes", []):
            raise Refusal("it cannot render pictures; set the pixel pipeline's kind to none")
        return env, lambda _: grey_picture(env.render(), pipeline["crop"], size)
    space = env.observation_space
    if space.dtype != "uint8" or len(space.shape) not in (2, 3):
        raise Refusal(f"its observation is {space}, not a picture; set the pixel pipeline's kind to rendered")
    return env, lambda observation: observation.reshape(*observation.shape[:2], -1).transpose(2, 0, 1)


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


def frame_shape(env, pipeline):
    if pipeline["kind"] != "none":
        return 1, pipeline["size"], pipeline["size"]
    height, width, *channels = env.observation_space.shape
    return *(channels or [1]), height, width


def act(env, to_frame, operation, value, shape):
    """One slot's part of a reply."""
    reward, terminated, truncated = 0.0, False, False
    if operation == RESET:
        observation, _ = env.reset(seed=value)
    else:
        action = int(env.action_space.start) + value
        observation, reward, terminated, truncated, _ = env.step(action)
    frame = to_frame(observation)
    if frame.shape != shape or frame.dtype != "uint8":
        raise ValueError(f"frame is {frame.dtype} {frame.shape}, expected uint8 {shape}")
    return struct.pack("<d??", reward, terminated, truncated) + frame.tobytes()


def serve(setup, requests, send):
    pipeline = setup["pipeline"]
    slots = [make(setup["environment"], pipeline) for _ in range(setup["slots"])]
    shape = frame_shape(slots[0][0], pipeline)
    send(DONE, struct.pack("<4I", *shape, int(slots[0][0].action_space.n)))
    while header := requests.read(4):
        request = requests.read(*struct.unpack("<I", header))
        records = struct.iter_unpack("<IQ", request[1:])
        send(DONE, b"".join(act(*slots[slot], request[0], value, shape) for slot, value in records))


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
    os._exit(1)


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
