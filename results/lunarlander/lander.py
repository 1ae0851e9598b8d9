#!/usr/bin/env python3
"""LunarLander from pixels with a decision every three steps of the simulator, and recordings of its expert.

    pip install "minari[create,hdf5]" "gymnasium[box2d]" opencv-python-headless torch
    MINARI_DATASETS_PATH=runs/lander results/lunarlander/lander.py LunarLander-v2.zip expert-v0 --episodes 400
    MINARI_DATASETS_PATH=runs/lander results/lunarlander/lander.py LunarLander-v2.zip mixed-v0 --transitions 45000 \\
        --epsilon 0,0.1,0.3,0.5,1 --seed 20000
    MINARI_DATASETS_PATH=runs/lander results/lunarlander/lander.py LunarLander-v2.zip held-v0 --transitions 30000 \\
        --epsilon 0.02,0.05,0.1,0.2 --hold --seed 40000
    PYTHONPATH=results/lunarlander ditto evaluate agent --environment gym:lander:LanderPixels-v0

The expert is the RL Baselines3 Zoo's PPO agent (rl-trained-agents/ppo/LunarLander-v2_1), which sees the state; its most
probable actions, or with probability epsilon a random one, which with --hold goes on for 3 to 15 decisions. An episode
has one epsilon, that of the fewest steps so far.

There are two pictures, both grey and 64×64: `far`, the upper part of the window without its sides, and `close`, the 64
pixels around the lander as they are. With --far-only, or LANDER=far where an agent acts, there is the first one alone.
"""

import argparse
import io
import os
import zipfile

import cv2
import gymnasium
import numpy

REPEAT, SIZE, SCALE, HEIGHT = 3, 64, 30, 400


class LanderPixels(gymnasium.Wrapper):
    def __init__(self, far_only=os.environ.get("LANDER") == "far"):
        super().__init__(gymnasium.make("LunarLander-v3", render_mode="rgb_array"))
        picture = gymnasium.spaces.Box(0, 255, (SIZE, SIZE, 1), numpy.uint8)
        self.far_only = far_only
        self.observation_space = picture if far_only else gymnasium.spaces.Dict({"close": picture, "far": picture})

    def pictures(self):
        grey = cv2.cvtColor(self.env.render(), cv2.COLOR_RGB2GRAY)
        far = cv2.resize(grey[0:340, 100:500], (SIZE, SIZE), interpolation=cv2.INTER_AREA)[..., None]
        if self.far_only:
            return far
        half, place = SIZE // 2, self.env.unwrapped.lander.position
        column = min(max(round(place.x * SCALE), 0), grey.shape[1])
        row = min(max(round(HEIGHT - place.y * SCALE), 0), grey.shape[0])
        wide = cv2.copyMakeBorder(grey, half, half, half, half, cv2.BORDER_CONSTANT, value=0)
        close = wide[row : row + SIZE, column : column + SIZE]
        return {"close": numpy.ascontiguousarray(close)[..., None], "far": far}

    def reset(self, **options):
        self.state, info = self.env.reset(**options)
        return self.pictures(), info

    def step(self, action):
        total = 0.0
        for _ in range(REPEAT):
            self.state, reward, terminated, truncated, info = self.env.step(action)
            total += reward
            if terminated or truncated:
                break
        return self.pictures(), total, terminated, truncated, info


gymnasium.register("LanderPixels-v0", entry_point="lander:LanderPixels")


class Expert:
    def __init__(self, archive):
        import torch

        with zipfile.ZipFile(archive) as files:
            weights = torch.load(io.BytesIO(files.read("policy.pth")), map_location="cpu", weights_only=True)
        names = "mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2", "action_net"
        self.layers = [(weights[f"{name}.weight"].numpy(), weights[f"{name}.bias"].numpy()) for name in names]

    def action(self, state):
        for weight, bias in self.layers[:-1]:
            state = numpy.tanh(weight @ state + bias)
        weight, bias = self.layers[-1]
        return int((weight @ state + bias).argmax())


def record(options):
    import minari

    env = minari.DataCollector(gymnasium.make("LanderPixels-v0", far_only=options.far_only), jpeg_encoding=False)
    expert, returns = Expert(options.expert), []
    steps = dict.fromkeys([float(epsilon) for epsilon in options.epsilon.split(",")], 0)
    while sum(steps.values()) < options.transitions if options.transitions else len(returns) < options.episodes:
        seed, epsilon = options.seed + len(returns), min(steps, key=steps.get)
        random, held, done = numpy.random.default_rng([seed, 1]), 0, False
        env.reset(seed=seed)
        returns.append(0.0)
        while not done:
            if held == 0 and random.random() < epsilon:
                other, held = (
                    int(random.integers(env.action_space.n)),
                    int(random.integers(3, 16)) if options.hold else 1,
                )
            action = other if held else expert.action(env.get_wrapper_attr("state"))
            held = max(held - 1, 0)
            _, reward, terminated, truncated, _ = env.step(action)
            returns[-1] += reward
            steps[epsilon] += 1
            done = terminated or truncated
    env.create_dataset(options.name, algorithm_name="RL Baselines3 Zoo PPO on the state")
    mean, error = numpy.mean(returns), 1.96 * numpy.std(returns) / len(returns) ** 0.5
    print(f"{options.name}: {len(returns)} episodes of {sum(steps.values())} steps, {mean:.0f} ± {error:.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("expert", help="the Zoo's LunarLander-v2.zip")
    parser.add_argument("name", help="of the dataset")
    parser.add_argument("--episodes", type=int, default=400)
    parser.add_argument("--transitions", type=int, help="instead of a number of episodes")
    parser.add_argument("--epsilon", default="0")
    parser.add_argument("--hold", action="store_true", help="go on with a random action for 3 to 15 decisions")
    parser.add_argument("--far-only", action="store_true", help="one picture")
    parser.add_argument("--seed", type=int, default=5000)
    record(parser.parse_args())
