"""`authors_unroll`: the authors' whole policy update, of DITTO and of D-GAIL, and D-BC, in a toy in place of the world
model. The sizes of `h`, `z` and actions are written into the authors' code."""

from unittest.mock import patch

import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

from actor_critic import SETTINGS, cloning, loaded, update, widened
from fixture import gradients, one_hot, prefixed, settings

STEPS, BATCH, ACTIONS = 5, 2, 4
H, WORLD_ACTIONS = 1024, 18
SIZES = dict(obs_dim=2 * H, action_dim=ACTIONS, hidden_dim=6, layers=2)
DISCRIMINATOR_SIZES = dict(obs_dim=2 * H, out_dim=1, hidden_dim=6, layers=2)


class Toy:
    """Deterministic dynamics of the world model's sizes."""

    def __init__(self, weight):
        self.weight, self.visited = weight, []

    def dream(self, action, state):
        h, z = state
        h = torch.tanh(0.9 * h + 0.5 * torch.roll(h, 1, -1) + action @ self.weight)
        z = torch.tanh(0.8 * z + 0.3 * h)
        self.visited.append(h)
        return h, z


def inputs(authors):
    rng = np.random.default_rng(22)
    t = SETTINGS | prefixed("param.", widened(authors.ActorCritic, 23, **SIZES))
    t |= prefixed("disc.param.", widened(authors.Discriminator, 24, **DISCRIMINATOR_SIZES))
    t["in.dynamics_weight"] = np.float32(rng.normal(0, 0.6, (WORLD_ACTIONS, H)))

    # The expert goes along the same dynamics, by other actions, with some noise.
    toy = Toy(torch.from_numpy(t["in.dynamics_weight"]).double())
    expert = [rng.normal(0, 0.5, (BATCH, 2 * H))]
    for action in one_hot(rng.integers(0, ACTIONS, (STEPS - 1, BATCH)), WORLD_ACTIONS):
        state = toy.dream(torch.from_numpy(action).double(), torch.from_numpy(expert[-1]).split(H, -1))
        expert.append(torch.cat(state, -1).numpy() + rng.normal(0, 0.2, (BATCH, 2 * H)))
    t["in.latents"] = np.float32(expert)
    for name in "in.sampled", "in.sampled_gail":
        t[name] = rng.integers(0, ACTIONS, (STEPS, BATCH))
    t["in.pre_actions"] = one_hot(rng.integers(0, ACTIONS, (STEPS, BATCH)), WORLD_ACTIONS)
    return t


def results(authors, t):
    s = settings(t)
    networks = loaded(authors.ActorCritic(**SIZES), "param.", t)
    trainer = authors.ACTrainer.__new__(authors.ACTrainer)  # without its data and its environments
    trainer.policy = trainer.policy_gail = trainer.policy_bc = networks
    trainer.discrim = loaded(authors.Discriminator(**DISCRIMINATOR_SIZES), "disc.param.", t)
    trainer.discrim_buffer, trainer.bc_loss = [], nn.CrossEntropyLoss()
    trainer.device, trainer.unrolls, trainer.action_dim = "cpu", STEPS, ACTIONS
    found = unrolled(authors, trainer, t, s, "ditto.", t["in.sampled"], gail=False)
    found |= unrolled(authors, trainer, t, s, "gail.", t["in.sampled_gail"], gail=True)

    logits, targets = map(torch.stack, zip(*trainer.discrim_buffer))  # by turns the agent's and the expert's
    loss = nn.BCEWithLogitsLoss()(logits, targets)
    found |= {
        "gail.agent_logits": logits[0::2],
        "gail.expert_logits": logits[1::2],
        "gail.disc_loss": loss,
        **prefixed("gail.disc_grad.", gradients(loss, dict(trainer.discrim.named_parameters()))),
    }
    nll, entropy = trainer.BehaviorClone(t["in.latents"], t["in.pre_actions"])
    return found | prefixed("bc.", cloning(nll, entropy, s["bc_entropy_weight"], networks))


def unrolled(authors, trainer, t, s, prefix, sampled, gail):
    """One update. Its policy draws the given actions, integers `[T, B]`."""
    trainer.world_model = Toy(t["in.dynamics_weight"])
    with patch.object(Categorical, "sample", side_effect=list(sampled)):
        steps, rewards, _, entropy, target_values = trainer.unroll_policy(
            t["in.latents"], torch.zeros(STEPS, BATCH, dtype=torch.bool), discrim=gail
        )
    log_prob, values = zip(*steps)
    found = update(authors, s, trainer.policy, log_prob, values, target_values, rewards, entropy)
    return prefixed(
        prefix, {"states_h": torch.stack(trainer.world_model.visited), "rewards": torch.stack(rewards), **found}
    )
