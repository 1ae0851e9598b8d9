#!/usr/bin/env python3
"""Experts of Atari games that see pixels, as an imitator does, and their recordings in Minari's format.

    atari.py train   MsPacman experts/ms-pacman.zip --steps 3000000      # PPO; started again, it goes on from the file
    atari.py returns MsPacman experts/ms-pacman.zip --episodes 50        # mean return and its 95 % interval
    atari.py record  MsPacman experts/ms-pacman.zip data/ms-pacman-expert-v0 --episodes 60
    atari.py record  MsPacman experts/ms-pacman.zip data/ms-pacman-mixed-v0 --transitions 150000 \\
                     --epsilon 0,0.1,0.3,0.6,1

An expert is a PPO agent that this script trained on four frames of 64×64 (.zip), or one of the agents of Pong, Breakout
and SpaceInvaders that github.com/greydanus/baby-a3c publishes (Apache-2.0; pong-v4/model.80.tar and so on): A3C with a
GRU, which sees single frames of 80×80.

Recorded frames are those of ditto's pipeline 'atari': four emulator frames a step, the maximum of the last two, resized
by area; no sticky actions. Episodes begin with up to 30 no-ops. Actions are sampled, as agents of the RL Baselines3 Zoo
play.
"""

import argparse
import json
import os
import pathlib

import ale_py
import gymnasium
import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

LIMIT = 6000  # steps of an episode
gymnasium.register_envs(ale_py)


def make(game):
    env = gymnasium.make(
        f"ALE/{game}-v5",
        frameskip=1,
        repeat_action_probability=0.0,
        full_action_space=False,
        max_episode_steps=LIMIT * 4,
    )
    return gymnasium.wrappers.AtariPreprocessing(
        env,
        noop_max=30,
        frame_skip=4,
        screen_size=64,
        terminal_on_life_loss=False,
        grayscale_obs=True,
        grayscale_newaxis=True,
        scale_obs=False,
    )


class Learned(gymnasium.Wrapper):
    """Rewards by their sign, as PPO learns best from, and up to 20 random actions first."""

    def __init__(self, env, seed):
        super().__init__(env)
        self.random = np.random.default_rng(seed)

    def reset(self, **options):
        observation, info = self.env.reset(seed=int(self.random.integers(1 << 30)))
        self.total = 0.0
        for _ in range(self.random.integers(20)):
            observation, reward, *_ = self.env.step(int(self.random.integers(self.action_space.n)))
            self.total += reward
        return observation, info

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.total += reward
        return (
            observation,
            float(np.sign(reward)),
            terminated,
            truncated,
            info | ({"return": self.total} if terminated or truncated else {}),
        )


class Saving(BaseCallback):
    """Saves now and then, and says how well the last games went."""

    def __init__(self, place, interval=65_536):
        super().__init__()
        self.place, self.interval, self.returns = place, interval, []

    def _on_training_start(self):
        self.saved = self.num_timesteps

    def _on_step(self):
        self.returns += [info["return"] for info in self.locals["infos"] if "return" in info]
        if self.num_timesteps - self.saved >= self.interval:
            self.saved = self.num_timesteps
            self.model.save(f"{self.place}.part.zip")
            os.replace(f"{self.place}.part.zip", self.place)
            mean = np.mean(self.returns[-50:] or [np.nan])
            print(f"{self.num_timesteps} steps: mean return of the last 50 games {mean:.1f}", flush=True)
        return True


def train(options):
    games = VecFrameStack(DummyVecEnv([lambda seed=seed: Learned(make(options.game), seed) for seed in range(8)]), 4)
    if os.path.exists(options.expert):
        model = PPO.load(options.expert, games, device="cpu")
    else:
        model = PPO(
            "CnnPolicy",
            games,
            n_steps=128,
            n_epochs=3,
            batch_size=256,
            learning_rate=2.5e-4,
            clip_range=0.1,
            ent_coef=0.01,
            vf_coef=0.5,
            seed=options.seed,
            device="cpu",
        )
    model.learn(max(0, options.steps - model.num_timesteps), callback=Saving(options.expert), reset_num_timesteps=False)
    model.save(options.expert)


class Stacked:
    """A PPO agent that sees the last four recorded frames."""

    def __init__(self, expert):
        self.policy = PPO.load(expert, device="cpu").policy
        self.policy.set_training_mode(False)

    def begin(self):
        self.stack = np.zeros((4, 64, 64), np.uint8)

    def logits(self, frame, screen):
        self.stack = np.concatenate([self.stack[1:], frame.reshape(1, 64, 64)])
        return self.policy.get_distribution(torch.from_numpy(self.stack[None])).distribution.logits


class Recurrent:
    """An agent of greydanus/baby-a3c: its GRU sees the field of the last emulator frame, stretched from black to white,
    in 80×80."""

    def __init__(self, expert):
        self.weights = torch.load(expert, map_location="cpu", weights_only=True)
        self.gru = torch.nn.GRUCell(32 * 5 * 5, 256)
        self.gru.load_state_dict({name[4:]: value for name, value in self.weights.items() if name.startswith("gru.")})

    def begin(self):
        self.memory = torch.zeros(1, 256)

    def logits(self, frame, screen):
        grey = screen[35:195].mean(2)
        stretched = ((grey - grey.min()) * (255 / max(1, grey.max() - grey.min())) + 0.5).astype(np.uint8)
        picture = PIL.Image.fromarray(stretched).resize((80, 80), PIL.Image.Resampling.BILINEAR)
        x = torch.from_numpy(np.asarray(picture, np.float32) / 255)[None, None]
        for layer in ("conv1", "conv2", "conv3", "conv4"):
            x = F.elu(F.conv2d(x, self.weights[layer + ".weight"], self.weights[layer + ".bias"], stride=2, padding=1))
        self.memory = self.gru(x.flatten(1), self.memory)
        return F.linear(self.memory, self.weights["actor_linear.weight"], self.weights["actor_linear.bias"])


class Player:
    """Plays episodes with some of the actions replaced by random ones."""

    def __init__(self, game, expert):
        self.env, self.expert = make(game), (Recurrent if expert.endswith(".tar") else Stacked)(expert)

    def episode(self, seed, epsilon, random_steps=0):
        """Frames, actions, rewards, and whether it ended by itself."""
        random = np.random.default_rng([seed, 1])
        torch.manual_seed(seed)
        observation, _ = self.env.reset(seed=seed)
        self.expert.begin()
        frames, actions, rewards = [observation], [], []
        while True:
            with torch.no_grad():
                logits = self.expert.logits(frames[-1], self.env.unwrapped.ale.getScreenRGB())
            action = int(torch.distributions.Categorical(logits=logits).sample())
            if len(actions) < random_steps or random.random() < epsilon:
                action = int(random.integers(self.env.action_space.n))
            observation, reward, terminated, truncated, _ = self.env.step(action)
            frames.append(observation)
            actions.append(action)
            rewards.append(reward)
            if terminated or truncated or len(actions) == LIMIT:
                return np.stack(frames), np.array(actions), np.array(rewards, np.float64), terminated


def returns(options):
    player, random = Player(options.game, options.expert), np.random.default_rng(options.seed)
    try:
        least, most = map(int, options.random_steps.split(":"))
        if not 0 <= least <= most:
            raise ValueError
    except ValueError:
        raise SystemExit(f"--random-steps is '{options.random_steps}', must be least:most, such as 0:60") from None
    totals = np.array(
        [
            player.episode(options.seed + i, 0.0, int(random.integers(least, most + 1)))[2].sum()
            for i in range(options.episodes)
        ]
    )
    means = random.choice(totals, (10_000, len(totals))).mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    interval = f"{totals.mean():.1f} ({low:.1f} to {high:.1f})"
    print(f"{options.game}: {interval}, {len(totals)} games after {least} to {most} random actions")


def record(options):
    import h5py

    player, folder = Player(options.game, options.expert), pathlib.Path(options.dataset) / "data"
    folder.mkdir(parents=True)
    epsilons = [float(word) for word in options.epsilon.split(",")]
    played = {epsilon: 0 for epsilon in epsilons}
    totals = []
    with h5py.File(folder / "main_data.hdf5", "w") as file:
        while len(totals) < options.episodes if options.episodes else sum(played.values()) < options.transitions:
            epsilon, seed, index = min(played, key=played.get), options.seed + len(totals), len(totals)
            frames, actions, rewards, terminated = player.episode(seed, epsilon)
            played[epsilon] += len(actions)
            totals.append(rewards.sum())
            ends = np.zeros((2, len(actions)), bool)
            ends[0 if terminated else 1, -1] = True
            group = file.create_group(f"episode_{index}")
            group.create_dataset(
                "observations",
                data=frames,
                chunks=(min(64, len(frames)), 64, 64, 1),
                compression="gzip",
                fletcher32=True,
            )
            for name, values in [
                ("actions", actions),
                ("rewards", rewards),
                ("terminations", ends[0]),
                ("truncations", ends[1]),
            ]:
                group.create_dataset(name, data=values)
            group.create_group("infos")
            group.attrs.update({"id": index, "seed": seed, "total_steps": len(actions), "policy_epsilon": epsilon})
    space = {
        "type": "Box",
        "dtype": "uint8",
        "shape": [64, 64, 1],
        "low": np.zeros((64, 64, 1), int).tolist(),
        "high": np.full((64, 64, 1), 255).tolist(),
    }
    (folder / "metadata.json").write_text(
        json.dumps(
            {
                "dataset_id": f"ditto/{pathlib.Path(options.dataset).name}",
                "total_episodes": len(totals),
                "total_steps": sum(played.values()),
                "data_format": "hdf5",
                "jpeg_encoding": False,
                "minari_version": "0.5.4",
                "observation_space": json.dumps(space),
                "action_space": json.dumps(
                    {"type": "Discrete", "dtype": "int64", "start": 0, "n": int(player.env.action_space.n)}
                ),
                "env_spec": player.env.spec.to_json(),
                "algorithm_name": f"{type(player.expert).__name__} policy from pixels, actions sampled",
                "author": ["ditto"],
                "requirements": ["ale-py==0.12.1", "gymnasium==1.4.0"],
            }
        )
    )
    print(
        f"{options.dataset}: {len(totals)} episodes of {sum(played.values())} steps, mean return {np.mean(totals):.1f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for function in (train, returns, record):
        command = commands.add_parser(function.__name__)
        command.set_defaults(function=function)
        command.add_argument("game", help="as ale-py's environments name it, such as Pong or MsPacman")
        command.add_argument("expert", help="a Stable-Baselines3 agent (.zip), or one of baby-a3c (.tar)")
        command.add_argument("--seed", type=int, default=0)
        if function is train:
            command.add_argument("--steps", type=int, default=3_000_000)
        if function is returns:
            command.add_argument("--episodes", type=int, default=50)
            command.add_argument(
                "--random-steps",
                default="0:60",
                metavar="least:most",
                help="random actions first; 'ditto evaluate' says in how many steps a game ignores them",
            )
        if function is record:
            command.add_argument("dataset", help="the new folder")
            command.add_argument("--episodes", type=int)
            command.add_argument("--transitions", type=int, default=150_000)
            command.add_argument(
                "--epsilon", default="0", help="shares of random actions, of one episode after the other"
            )
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.function(options)


main()
