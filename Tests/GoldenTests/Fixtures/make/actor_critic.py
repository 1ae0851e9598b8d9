"""`authors_actor_critic`: the authors' policy update, latent reward, λ-return, cloning loss and discriminator."""

from functools import partial

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

from fixture import gradients, one_hot, optimised, prefixed, settings, under

STEPS, BATCH, FEATURES, ACTIONS = 8, 4, 20, 5
SIZES = dict(obs_dim=FEATURES, action_dim=ACTIONS, hidden_dim=16, layers=3)
DISCRIMINATOR_SIZES = dict(obs_dim=2 * FEATURES, out_dim=1, hidden_dim=12, layers=2)
SETTINGS = {
    "hp.gamma": 0.95,
    "hp.lambda": 0.95,
    "hp.entropy_weight": 0.05,
    "hp.value_weight": 0.01,
    "hp.bc_entropy_weight": 0.1,
    "hp.lr": 3e-4,
}
# γ and λ of equation 13, and the rows.
RETURNS = [(0.99, 0.95, 8), (0.95, 0.95, 8), (0.95, 0, 6), (0.95, 1, 8), (1, 1, 4), (0, 0.5, 8), (0.9, 0.3, 2)]


def inputs(authors):
    rng = np.random.default_rng(12)
    t = SETTINGS | prefixed("param.", widened(authors.ActorCritic, 13, **SIZES))
    t["in.actions"] = rng.integers(0, ACTIONS, (STEPS, BATCH))
    t["in.latents"] = np.float32(rng.normal(0, 1, (STEPS, BATCH, FEATURES)))
    t["in.rewards"] = np.float32(rng.uniform(-0.2, 1, (STEPS, BATCH)))

    a = t["max_cos.in.a"] = np.float32(rng.normal(0, 1, (24, FEATURES)))
    b = rng.normal(0, 1, (24, FEATURES)) * rng.uniform(0.3, 3, (24, 1)) + 0.5 * a
    t["max_cos.in.b"] = np.float32(b)
    v, w = np.float32(rng.normal(0, 1, (2, FEATURES)))
    w -= v * np.float32(np.dot(v, w) / np.dot(v, v))
    zero = np.zeros_like(v)
    # Equal, opposite, half, twice, orthogonal, one of them zero, both zero.
    t["max_cos_edge.in.a"] = np.stack([v, v, 2 * v, v, v, v, zero, zero])
    t["max_cos_edge.in.b"] = np.stack([v, -v, v, 2 * v, w, zero, v, zero])

    for number, (gamma, lambda_, rows) in enumerate(RETURNS):
        t |= prefixed(
            f"lambda_return.case{number}.",
            {
                "hp.gamma": gamma,
                "hp.lambda": lambda_,
                "in.rewards": np.float32(rng.uniform(-1, 1, (rows, BATCH))),
                "in.values": np.float32(rng.normal(0, 2, (rows, BATCH))),
            },
        )
    t["clamp_edge.in.logits"] = np.float32([[30, 0, 0, 0], [0, -20, 5, 1], [-14, 0, 0, -16], [1, 2, 3, 4]])
    t["clamp_edge.in.actions"] = np.array([0, 1, 3, 0])

    t["bc.in.latents"] = np.float32(rng.normal(0, 1, (STEPS * BATCH, FEATURES)))
    t["bc.in.actions"] = one_hot(rng.integers(0, ACTIONS, STEPS * BATCH), ACTIONS)
    t |= prefixed("disc.param.", widened(authors.Discriminator, 14, **DISCRIMINATOR_SIZES))
    t["disc.in.agent"] = np.float32(rng.normal(0, 1, (STEPS, BATCH, 2 * FEATURES)))
    t["disc.in.expert"] = np.float32(rng.normal(0.3, 1, (STEPS, BATCH, 2 * FEATURES)))
    return t


def widened(network, seed, **sizes):
    """Parameters of a new network, larger than PyTorch's, of which policies are nearly uniform."""
    torch.manual_seed(seed)
    made = network(**sizes)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(1.7)
        for part in made.children():
            part.model[-1].weight.mul_(2)
    return made.state_dict()


def results(authors, t):
    s = settings(t)
    networks = loaded(authors.ActorCritic(**SIZES), "param.", t)
    discriminator = loaded(authors.Discriminator(**DISCRIMINATOR_SIZES), "disc.param.", t)
    found = update_results(authors, networks, t, s)
    for name in "max_cos", "max_cos_edge":
        found[name + ".out"] = authors.ACTrainer.max_cos(t[name + ".in.a"], t[name + ".in.b"])
    for number in range(len(RETURNS)):
        prefix = f"lambda_return.case{number}."
        own = settings(t, prefix + "hp.")
        found[prefix + "returns"] = authors.lambda_return(
            list(t[prefix + "in.rewards"]), list(t[prefix + "in.values"]), lambda_=own["lambda"], gamma=own["gamma"]
        )
    found |= prefixed("clamp_edge.", clamp_results(**under("clamp_edge.in.", t)))

    logits, probabilities = networks.forward_actor(t["bc.in.latents"])
    nll, entropy = nn.CrossEntropyLoss()(logits, t["bc.in.actions"]).mean(), Categorical(probabilities).entropy().mean()
    found |= {"bc.logits": logits, **prefixed("bc.", cloning(nll, entropy, s["bc_entropy_weight"], networks))}
    return found | prefixed("disc.", discriminator_results(discriminator, **under("disc.in.", t)))


def loaded(network, prefix, t):
    network.load_state_dict(under(prefix, t))
    return network


def parameters(networks, *parts):
    """Those of the actor, the critic, or both; the target critic has none to learn."""
    return {name: p for name, p in networks.named_parameters() if name.split(".")[0] in parts}


def update(authors, s, networks, log_prob, values, target_values, rewards, entropy):
    """The authors' policy update: lists of T tensors `[B]` in, the numbers of both files with an update out."""
    returns = authors.lambda_return(rewards, target_values, lambda_=s["lambda"], gamma=s["gamma"])
    advantage = authors.ACTrainer.calculate_advantage(target_values, returns)
    policy_loss, value_loss = authors.ACTrainer.calculate_losses(list(zip(log_prob, values)), returns, advantage)
    loss = policy_loss + s["value_weight"] * value_loss - s["entropy_weight"] * entropy
    return {
        "log_prob": torch.stack(log_prob),
        "values": torch.stack(values),
        "target_values": torch.stack(target_values),
        "entropy": entropy,
        "returns": returns,
        "advantage": advantage,
        "policy_loss": policy_loss,
        "value_loss": value_loss,
        "loss": loss,
        **prefixed("grad.", gradients(loss, parameters(networks, "actor", "critic"))),
    }


def update_results(authors, networks, t, s):
    latents = t["in.latents"]
    logits, _ = networks.forward_actor(latents)
    probabilities, values, targets = networks.forward_t(latents)
    policy = Categorical(probabilities)
    log_prob, values, targets = list(policy.log_prob(t["in.actions"])), list(values[..., 0]), list(targets[..., 0])
    found = update(
        authors, s, networks, log_prob, values, targets, list(t["in.rewards"]), policy.entropy().mean(1).mean()
    )

    raw = authors.ACTrainer.calculate_advantage(targets, found["returns"], norm=False)
    raw_loss, _ = authors.ACTrainer.calculate_losses(list(zip(log_prob, values)), found["returns"], raw)
    trained = parameters(networks, "actor", "critic")
    [after], _ = optimised(trained, [under("grad.", found)], partial(torch.optim.Adam, lr=s["lr"]))
    return found | {
        "logits": logits,
        "action_probs": probabilities,
        "entropy_each": policy.entropy(),
        "advantage_raw": raw,
        "policy_loss_raw": raw_loss,
        **prefixed("grad_policy_loss.", gradients(found["policy_loss"], parameters(networks, "actor"))),
        **prefixed("grad_value_loss.", gradients(found["value_loss"], parameters(networks, "critic"))),
        **prefixed("after_adam.", after),
    }


def clamp_results(logits, actions):
    """Peaked policies: PyTorch clamps the probabilities, which the authors give it in place of logits, before it takes
    their logarithm."""
    logits = logits.detach().requires_grad_()
    policy = Categorical(torch.softmax(logits, -1))
    log_prob = policy.log_prob(actions)
    return {
        "log_prob": log_prob,
        "entropy": policy.entropy(),
        **prefixed("grad_", gradients(log_prob.sum(), {"logits": logits})),
    }


def cloning(nll, entropy, entropy_weight, networks):
    loss = nll - entropy_weight * entropy
    return {
        "nll": nll,
        "entropy": entropy,
        "loss": loss,
        **prefixed("grad.", gradients(loss, parameters(networks, "actor"))),
    }


def discriminator_results(discriminator, agent, expert):
    """D-GAIL's discriminator of pairs of successive states: 0 for the agent's, 1 for the expert's."""
    logits = torch.stack([discriminator(pairs)[0][:, 0] for step in zip(agent, expert) for pairs in step])
    targets = torch.tensor([0.0, 1.0]).repeat(STEPS)[:, None].expand_as(logits)
    loss = nn.BCEWithLogitsLoss()(logits, targets)
    return {
        "agent_logits": logits[0::2],
        "expert_logits": logits[1::2],
        "reward": torch.sigmoid(logits[0::2]),
        "loss": loss,
        **prefixed("grad.", gradients(loss, dict(discriminator.named_parameters()))),
    }
