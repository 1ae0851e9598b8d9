"""The authors' classes and functions, imported from their own files: nothing of them is copied here."""

import sys
from types import SimpleNamespace
from unittest.mock import MagicMock

import torch
from torch.distributions import OneHotCategoricalStraightThrough
from torch.nn import functional as F

# What their modules import for environments, pictures and logs, and no number needs.
UNUSED = """
    agent cv2 d4rl_atari data.ac_dataset gym matplotlib matplotlib.pyplot pyvirtualdisplay tqdm.auto wandb
    stable_baselines3.common.atari_wrappers stable_baselines3.common.env_util stable_baselines3.common.evaluation
    stable_baselines3.common.monitor stable_baselines3.common.vec_env
""".split()


def load(src):
    """What the fixtures need of the checkout whose folder `src` is given."""
    if not (src / "trainers/ac_trainer.py").exists():
        sys.exit(f"{src}: has no trainers/ac_trainer.py; give the folder src of github.com/brantondemoss/DITTO")
    sys.modules.update({name: MagicMock() for name in UNUSED})
    sys.path.insert(0, str(src))
    OneHotCategoricalStraightThrough.rsample = mode
    from common.mlp import MLP
    from data.common import lambda_return
    from models.a2c import ActorCritic, Discriminator
    from models.encoders import CnnEncoder
    from models.world_model import WorldModelRSSM
    from trainers.ac_trainer import ACTrainer

    return SimpleNamespace(
        MLP=MLP,
        lambda_return=lambda_return,
        ActorCritic=ActorCritic,
        Discriminator=Discriminator,
        CnnEncoder=CnnEncoder,
        WorldModelRSSM=WorldModelRSSM,
        ACTrainer=ACTrainer,
    )


def mode(distribution, sample_shape=torch.Size()):
    """Stands for a draw of `z`, which no other implementation could repeat: the most probable class, with the
    straight-through gradient of a draw."""
    probabilities = distribution.probs
    chosen = F.one_hot(probabilities.argmax(-1), probabilities.shape[-1]).to(probabilities.dtype)
    return chosen + (probabilities - probabilities.detach())
