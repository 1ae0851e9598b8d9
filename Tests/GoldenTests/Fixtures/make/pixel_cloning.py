"""`authors_bc`: the authors' network that clones from pixels, its loss, gradients and optimiser steps."""

from functools import partial

import numpy as np
import torch
from torch import nn

from fixture import frames, gradients, normalised, one_hot, optimised, prefixed, settings, under

BATCH = 4
SETTINGS = dict(cnn_depth=3, mlp_hidden=10, mlp_layers=3, action_dim=5, lr=3e-4)


def build(authors, cnn_depth, mlp_hidden, mlp_layers, action_dim, lr):
    """The layers that the authors' `BCTrainer` puts together, small."""
    return nn.Sequential(
        authors.CnnEncoder(in_channels=1, cnn_depth=cnn_depth),
        nn.Flatten(),
        authors.MLP(in_dim=32 * cnn_depth, out_dim=action_dim, hidden_dim=mlp_hidden, hidden_layers=mlp_layers),
    )


def inputs(authors):
    torch.manual_seed(33)
    rng = np.random.default_rng(32)
    parameters = {name: 1.5 * value for name, value in build(authors, **SETTINGS).state_dict().items()}
    pixels = frames(rng, BATCH, 1)
    actions = SETTINGS["action_dim"]
    return {
        **prefixed("hp.", SETTINGS),
        **prefixed("param.", parameters),
        "in.image_u8": pixels,
        "in.image": normalised(pixels),
        "in.action": one_hot(rng.integers(0, actions, BATCH), actions),
    }


def results(authors, t):
    s = settings(t)
    model = build(authors, **s)
    model.load_state_dict(under("param.", t))
    parameters = dict(model.named_parameters())
    logits = model(t["in.image"])
    loss = nn.CrossEntropyLoss()(logits, t["in.action"]).mean()
    gradient = gradients(loss, parameters)
    [adamw], _ = optimised(parameters, [gradient], partial(torch.optim.AdamW, lr=s["lr"]))
    [adam], _ = optimised(parameters, [gradient], partial(torch.optim.Adam, lr=s["lr"]))
    return {
        "embed": model[0](t["in.image"]),
        "logits": logits,
        "loss": loss,
        **prefixed("grad.", gradient),
        **prefixed("after_adamw.", adamw),
        **prefixed("after_adam.", adam),
    }
