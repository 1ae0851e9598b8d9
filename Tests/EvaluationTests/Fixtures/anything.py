"""Environments whose spaces nobody would think of: what is seen and done is nested at random, by a seed."""

import gymnasium
import numpy
from gymnasium import spaces

KEYS = ["a", "b b", "c.c", "été", "_index_0", "深度"]


def number(random, low, high):
    return int(random.integers(low, high + 1))


def leaf(random, is_action):
    kind = number(random, 0, 4 if is_action else 5)
    if kind == 0:
        return spaces.Discrete(number(random, 1, 5), start=number(random, -2, 2))
    if kind == 1:
        shape = tuple(number(random, 1, 3) for _ in range(number(random, 1, 2)))
        return spaces.MultiDiscrete(random.integers(1, 5, shape), start=random.integers(-2, 3, shape))
    if kind == 2:
        return spaces.MultiBinary([number(random, 1, 4), [number(random, 1, 3), 2]][number(random, 0, 1)])
    if kind in (3, 4):
        shape = tuple(number(random, 1, 3) for _ in range(number(random, 0, 3)))
        whole = number(random, 0, 5)
        if whole < 2:
            return spaces.Box(*[(-3, 5), (0, 1)][whole], shape, ["int16", "bool"][whole])
        low, high = [(-1, 1), (0, 10), (-numpy.inf, numpy.inf), (0, numpy.inf)][number(random, 0, 3)]
        return spaces.Box(low, high, shape, ["float32", "float64"][number(random, 0, 1)])
    side, channels = (number(random, 16, 40), number(random, 16, 40)), [1, 3, 4, 20][number(random, 0, 3)]
    return spaces.Box(0, 255, [side, (*side, channels), (channels, *side)][number(random, 0, 2)], "uint8")


def anything(random, depth, is_action):
    kind = number(random, 0, 2) if depth else 0
    if kind == 0:
        return leaf(random, is_action)
    inner = [anything(random, depth - 1, is_action) for _ in range(number(random, 1, 3))]
    return spaces.Tuple(inner) if kind == 1 else spaces.Dict(dict(zip(random.permutation(KEYS).tolist(), inner)))


class Anything(gymnasium.Env):
    def __init__(self, spaces=0):
        random = numpy.random.default_rng(spaces)
        self.observation_space = anything(random, 2, False)
        self.action_space = anything(random, 2, True)

    def reset(self, *, seed=None, options=None):
        self.observation_space.seed(seed % 2**31)
        self.steps_left = 12 + seed % 5
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), f"{action} is not in {self.action_space}"
        self.steps_left -= 1
        return self.observation_space.sample(), 1.0, self.steps_left == 0, False, {}


gymnasium.register("Anything-v0", Anything)
