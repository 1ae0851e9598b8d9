#!/usr/bin/env python3
"""What latents know of the lander's state, and whether the state would do.

    results/lunarlander/state.py read wm/latents/….safetensors runs/lander/expert-v0 --episodes 60
    results/lunarlander/state.py clone LunarLander-v2.zip

`read` fits a network from a world model's encoded episodes (`ditto train agent` leaves them; the file of one encoding)
to the state, which is found by playing the recorded actions again, and prints its error on the last fifth of the
episodes. The recording must be one of lander.py's with --seed 5000. `clone` imitates the expert from its state, with
noise of some deviations on it. Needs torch, h5py, safetensors and what lander.py does.
"""

import argparse

import gymnasium
import numpy
import torch
from lander import REPEAT, Expert

FIELDS = ["x", "y", "vx", "vy", "angle", "turning"]


def network(inputs, outputs):
    elu, linear = torch.nn.ELU, torch.nn.Linear
    return torch.nn.Sequential(linear(inputs, 256), elu(), linear(256, 256), elu(), linear(256, outputs))


def fit(net, loss, steps, decay):
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=decay)
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return value.item()


def play(choose, seed):
    """One episode with a decision every REPEAT steps: its return, states and actions, the last state included."""
    env = gymnasium.make("LunarLander-v3")
    state, _ = env.reset(seed=seed)
    total, states, actions, done = 0.0, [state], [], False
    while not done:
        actions.append(choose(state))
        for _ in range(REPEAT):
            state, reward, terminated, truncated, _ = env.step(actions[-1])
            total += reward
            done = terminated or truncated
            if done:
                break
        states.append(state)
    return total, numpy.array(states), numpy.array(actions)


def read(options):
    import h5py
    from safetensors.torch import load_file

    latents, known, states = load_file(options.latents), [], []
    with h5py.File(f"{options.data}/data/main_data.hdf5") as file:
        for episode in range(options.episodes):
            recorded = iter(file[f"episode_{episode}/actions"][()].tolist())
            states.append(play(lambda _: next(recorded), 5000 + episode)[1])
    for states_of, length in zip(states, latents["lengths"]):
        assert len(states_of) == length, "the recording is not of these seeds"
    count = sum(map(len, states))
    known = torch.cat([latents["deterministic"][:count], latents["probabilities"][:count].float()], 1)
    is_held_out = torch.cat([torch.full((len(s),), i >= 0.8 * len(states)) for i, s in enumerate(states)])
    states = torch.tensor(numpy.concatenate(states))[:, : len(FIELDS)].float()
    mean, deviation = states.mean(0), states.std(0)
    known = (known - known[~is_held_out].mean(0)) / (known[~is_held_out].std(0) + 1e-3)
    wanted, net, learned = (
        (states - mean) / deviation,
        network(known.shape[1], len(FIELDS)),
        torch.where(~is_held_out)[0],
    )

    def loss():
        rows = learned[torch.randint(len(learned), (512,))]
        return ((net(known[rows] + 0.05 * torch.randn(512, known.shape[1])) - wanted[rows]) ** 2).mean()

    fit(net, loss, 2500, 1e-2)
    with torch.no_grad():
        error = ((net(known) - wanted)[is_held_out] ** 2).mean(0).sqrt() * deviation
    for name, missed, spread in zip(FIELDS, error, deviation):
        print(f"{name:8} error {missed:.3f} of a deviation of {spread:.3f}")


def clone(options):
    expert = Expert(options.expert)
    for episodes in (4, 15, 60):
        played = [play(expert.action, 1000 + episode) for episode in range(episodes)]
        states = torch.tensor(numpy.concatenate([states[:-1] for _, states, _ in played]))
        actions = torch.tensor(numpy.concatenate([actions for *_, actions in played]))
        for noise in (0, 0.02, 0.05, 0.1):
            net, random = network(8, 4), numpy.random.default_rng(0)

            def loss():
                rows = torch.randint(len(states), (512,))
                seen = states[rows] + noise * torch.randn(512, 8)
                return torch.nn.functional.cross_entropy(net(seen), actions[rows])

            def choose(state):
                with torch.no_grad():
                    seen = state + noise * random.standard_normal(8).astype(numpy.float32)
                    return int(net(torch.tensor(seen)).argmax())

            last = fit(net, loss, 1500, 0.1)
            returns = numpy.array([play(choose, 9000 + episode)[0] for episode in range(20)])
            print(
                f"{episodes} episodes, noise {noise}: loss {last:.2f}, return {returns.mean():.0f}, "
                f"{(returns > 200).sum()} of 20 above 200",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    reading = commands.add_parser("read")
    reading.add_argument("latents")
    reading.add_argument("data")
    reading.add_argument("--episodes", type=int, default=60)
    reading.set_defaults(run=read)
    cloning = commands.add_parser("clone")
    cloning.add_argument("expert")
    cloning.set_defaults(run=clone)
    torch.manual_seed(0)
    options = parser.parse_args()
    options.run(options)
