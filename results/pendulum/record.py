"""Records Pendulum-v1, played by the Stable-Baselines3 Zoo's PPO, as Minari datasets.

    pip install minari h5py torch gymnasium
    MINARI_DATASETS_PATH=runs/pendulum python results/pendulum/record.py path/to/Pendulum-v1.zip

The agent is ppo/Pendulum-v1_1/Pendulum-v1.zip of https://github.com/DLR-RM/rl-trained-agents. Writes
pendulum/expert-v0 (20 episodes, its most probable actions) and pendulum/mixed-v0 (100 episodes, in which uniformly
random actions replace its own with probability 0, 0.1, 0.3, 0.5 or 1, in turn).
"""

import io
import sys
import zipfile

import gymnasium
import minari
import numpy
import torch


def zoo_policy(path):
    """The mean of the Zoo's policy: two layers with tanh, then a linear one."""
    weights = torch.load(io.BytesIO(zipfile.ZipFile(path).read("policy.pth")), weights_only=True)
    layer = lambda name, x: torch.nn.functional.linear(x, weights[name + ".weight"], weights[name + ".bias"])

    def act(observation):
        x = torch.as_tensor(observation, dtype=torch.float32)
        for name in ("mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2"):
            x = torch.tanh(layer(name, x))
        return layer("action_net", x).clamp(-2, 2).numpy()

    return act


def record(name, episodes, epsilons, policy, seed):
    env = gymnasium.make("Pendulum-v1")
    random = numpy.random.default_rng(seed)
    buffers = []
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        observations, actions, rewards, done = [observation], [], [], False
        while not done:
            explores = random.random() < epsilons[episode % len(epsilons)]
            actions.append(random.uniform(-2, 2, 1).astype(numpy.float32) if explores else policy(observation))
            observation, reward, terminated, truncated, _ = env.step(actions[-1])
            observations.append(observation)
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
    minari.create_dataset_from_buffers(name, buffers, env=env, algorithm_name="PPO of the Stable-Baselines3 Zoo")
    returns = [sum(buffer.rewards) for buffer in buffers]
    print(f"{name}: {episodes} episodes, returns {numpy.mean(returns):.1f} ± {numpy.std(returns):.1f}")


policy = zoo_policy(sys.argv[1])
record("pendulum/expert-v0", 20, [0], policy, 1000)
record("pendulum/mixed-v0", 100, [0, 0.1, 0.3, 0.5, 1], policy, 2000)
