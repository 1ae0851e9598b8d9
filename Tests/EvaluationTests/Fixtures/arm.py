"""An arm of two joints, seen by one camera or two and by its joints' angles. A further camera is a line in CAMERAS."""

import gymnasium
import numpy
from gymnasium import spaces

# Height and width of the picture, and how far the camera is turned, in radians.
CAMERAS = {"front": (48, 64, 0.0), "wrist": (32, 32, 1.6)}


class Arm(gymnasium.Env):
    def __init__(self, cameras=1):
        self.cameras = dict(list(CAMERAS.items())[:cameras])
        pictures = {
            name: spaces.Box(0, 255, (height, width, 3), "uint8") for name, (height, width, _) in self.cameras.items()
        }
        self.observation_space = spaces.Dict(pictures | {"joints": spaces.Box(-numpy.pi, numpy.pi, (2,), "float32")})
        self.action_space = spaces.Box(-1, 1, (2,), "float32")

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.joints, self.steps = self.np_random.uniform(-2, 2, 2), 0
        return self.seen(), {}

    def step(self, action):
        self.joints, self.steps = numpy.clip(self.joints + 0.2 * action, -numpy.pi, numpy.pi), self.steps + 1
        return self.seen(), 1.0, self.steps == 12, False, {}

    def seen(self):
        pictures = {name: self.picture(*camera) for name, camera in self.cameras.items()}
        return pictures | {"joints": self.joints.astype("float32")}

    def picture(self, height, width, turned):
        """The upper arm in red, the lower one in green."""
        picture = numpy.zeros((height, width, 3), "uint8")
        angles = numpy.cumsum(self.joints) + turned
        elbow = numpy.array([numpy.sin(angles[0]), numpy.cos(angles[0])])
        hand = elbow + numpy.array([numpy.sin(angles[1]), numpy.cos(angles[1])])
        for channel, (start, end) in enumerate([(numpy.zeros(2), elbow), (elbow, hand)]):
            for share in numpy.linspace(0, 1, 32):
                y, x = ((start + share * (end - start)) / 4.2 + 0.5) * [height, width]
                picture[int(y), int(x), channel] = 255
        return picture


gymnasium.register("Arm-v0", Arm)
