"""Records CarRacing-v3, driven by a short script that knows where the road is, as Minari datasets.

    pip install "minari[create,hdf5]" "gymnasium[box2d]"
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
    env = minari.DataCollector(gymnasium.make("CarRacing-v3", max_episode_steps=STEPS), jpeg_encoding=False)
    random, returns = numpy.random.default_rng(seed), []
    for episode in range(episodes):
        env.reset(seed=seed + episode)
        returns.append(0)
        done = False
        while not done:
            action = driver(env)
            action[0] = numpy.clip(action[0] + noise[episode % len(noise)] * random.standard_normal(), -1, 1)
            _, reward, terminated, truncated, _ = env.step(action)
            returns[-1] += reward
            done = terminated or truncated
    env.create_dataset(name, algorithm_name="a script that knows where the road is")
    print(f"{name}: {episodes} episodes, returns {numpy.mean(returns):.0f} ± {numpy.std(returns):.0f}")


record("carracing/expert-v0", 8, [0], 1000)
record("carracing/mixed-v0", 32, [0, 0.2, 0.5, 1], 2000)
