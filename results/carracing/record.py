"""Records CarRacing-v3, driven by a short script that knows where the road is, as Minari datasets.

    pip install minari h5py "gymnasium[box2d]"
    MINARI_DATASETS_PATH=runs/carracing python results/carracing/record.py

Writes carracing/expert-v0 (8 episodes of 400 steps) and carracing/mixed-v0 (32, in which the script's steering is
disturbed by noise of deviation 0, 0.2, 0.5 or 1, in turn). Pictures are 96×96 in colour, as the environment gives them.
"""

import math

import gymnasium
import minari
import numpy

STEPS = 400


def driver(env):
    """Steers to the road eight tiles ahead, and keeps a speed that bends allow."""
    car, track = env.unwrapped.car, numpy.array(env.unwrapped.track)[:, 2:]
    place, speed = numpy.array(car.hull.position), numpy.linalg.norm(car.hull.linearVelocity)
    nearest = numpy.linalg.norm(track - place, axis=1).argmin()
    ahead, farther = (track[(nearest + tiles) % len(track)] - place for tiles in (5, 12))
    error = wrapped(math.atan2(-ahead[0], ahead[1]) - car.hull.angle)
    bend = abs(wrapped(math.atan2(-farther[0], farther[1]) - car.hull.angle))
    wanted = 55 if bend < 0.2 else 35
    steering = numpy.clip(-2 * error, -1, 1)
    return numpy.array([steering, 0.5 if speed < wanted else 0, 0.3 if speed > wanted + 10 else 0], numpy.float32)


def wrapped(angle):
    return (angle + math.pi) % (2 * math.pi) - math.pi


def record(name, episodes, noise, seed):
    env = gymnasium.make("CarRacing-v3", max_episode_steps=STEPS)
    random = numpy.random.default_rng(seed)
    buffers = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        observations, actions, rewards, done = [observation], [], [], False
        while not done:
            action = driver(env)
            action[0] = numpy.clip(action[0] + noise[episode % len(noise)] * random.standard_normal(), -1, 1)
            observation, reward, terminated, truncated, _ = env.step(action)
            observations.append(observation)
            actions.append(action)
            rewards.append(reward)
            done = terminated or truncated
        ends = numpy.zeros((2, len(actions)), dtype=bool)
        ends[:, -1] = terminated, truncated
        buffers.append(
            minari.data_collector.EpisodeBuffer(
                id=episode,
                seed=seed + episode,
                observations=numpy.array(observations),
                actions=numpy.array(actions),
                rewards=numpy.array(rewards, dtype=float),
                terminations=ends[0],
                truncations=ends[1],
                infos={},
            )
        )
        print(f"{name}: episode {episode}, {len(actions)} steps, {sum(rewards):.0f}", flush=True)
    minari.create_dataset_from_buffers(
        name, buffers, env=env, algorithm_name="a script that knows where the road is", jpeg_encoding=False
    )


record("carracing/expert-v0", 8, [0], 1000)
record("carracing/mixed-v0", 32, [0, 0.2, 0.5, 1], 2000)
