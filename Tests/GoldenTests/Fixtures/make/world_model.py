"""`authors_world_model`: the authors' world model along two segments, gradients, optimiser steps, a rollout."""

import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import torch
from torch.distributions import kl_divergence

from fixture import (
    PIXEL_DEVIATION,
    PIXEL_MEAN,
    frames,
    gradients,
    normalised,
    one_hot,
    optimised,
    prefixed,
    settings,
    stored,
    under,
)

STEPS, BATCH, ACTIONS, CLASSES, DREAM_STEPS = 7, 3, 6, 5, 5
RSSM = dict(deter_dim=24, stoch_dim=6, stoch_rank=CLASSES, hidden_dim=20, gru_layers=1, action_dim=ACTIONS)
LOSS = dict(kl_weight=0.1, kl_balance=0.8, image_weight=2)
MODEL = dict(RSSM, **LOSS, cnn_depth=4, image_channels=1)
OPTIMIZERS = dict(
    lr=3e-4, beta1=0.9, beta2=0.999, adam_eps=1e-8, adamw_eps=1e-5, adamw_weight_decay=0.01, clip_norm=200
)


def build(authors, s):
    conf = SimpleNamespace(**s)
    conf.encoder_config = conf.decoder_config = SimpleNamespace(**s)
    conf.rssm_config = {name: s[name] for name in RSSM} | {"embed_dim": 32 * s["cnn_depth"]}
    return authors.WorldModelRSSM(conf)


def inputs(authors):
    torch.manual_seed(1)
    model = build(authors, MODEL)
    perturb(model)
    rng = np.random.default_rng(3)
    scale = np.float32([1, 0.05, 0, 2, 0.1, 0.3])  # of two small parameters' gradients, at six steps
    t = stored(
        {
            **prefixed("hp.", MODEL | OPTIMIZERS | dict(pixel_mean=PIXEL_MEAN, pixel_std=PIXEL_DEVIATION)),
            **prefixed("param.", model.state_dict()),
            **prefixed("in.", segment_inputs(rng, [(0, 0), (3, 1), (5, 0)], keeping_action=(4, 2))),
            **prefixed("carry.in.", segment_inputs(rng, [(2, 2)])),
            "dream.in.action": one_hot(rng.integers(0, ACTIONS, (DREAM_STEPS, BATCH)), ACTIONS),
            "optim_seq.hp.clip_norm": 1,
            "optim_seq.in.p": np.float32(rng.normal(0, 1, (5, 3))),
            "optim_seq.in.q": np.float32(rng.normal(0, 1, 4)),
            "optim_seq.in.grad_p": np.float32(rng.normal(0, 1, (6, 5, 3)) * scale[:, None, None]),
            "optim_seq.in.grad_q": np.float32(rng.normal(0, 1, (6, 4)) * scale[:, None]),
        }
    )
    # The second segment and the rollout begin where the first segment ends.
    end, _ = segment(model, t, "in.", model.init_state(BATCH))
    for prefix in "carry.in.", "dream.in.":
        t |= {prefix + "state_h": end["out_state_h"], prefix + "state_z": end["out_state_z"]}
    return t


def perturb(model):
    """Makes no bias zero and no scale one, and the distributions of `z` sharper."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith(("init_h", "init_z")):
                parameter.copy_(0.3 * noise)
            elif parameter.ndim == 1:
                parameter.add_(0.1 * noise)
            elif name.endswith(("post_mlp.weight", "prior_mlp.weight")):
                parameter.mul_(2)


def segment_inputs(rng, resets, keeping_action=None):
    """Observations, the actions before them, and resets at some (step, row), of which one may keep its action: the
    authors' data has none there, and their model does not mask it."""
    pixels = frames(rng, STEPS, BATCH)
    action = one_hot(rng.integers(0, ACTIONS, (STEPS, BATCH)), ACTIONS)
    reset = np.zeros((STEPS, BATCH), np.float32)
    for step in resets:
        reset[step], action[step] = 1, 0
    if keeping_action:
        reset[keeping_action] = 1
    return {"obs_u8": pixels, "obs": normalised(pixels), "action": action, "reset": reset}


def results(authors, t):
    model = build(authors, settings(t))
    model.load_state_dict(under("param.", t))
    parameters = dict(model.named_parameters())
    start = model.init_state(BATCH)
    found = {"init_state_h": start[0], "init_state_z": start[1]}

    # The KL is balanced as in the authors' code, and as equation 11 is printed: with the two weights swapped.
    not_decoder = {name: p for name, p in parameters.items() if not name.startswith("decoder.")}
    for suffix, balance in ("_eq11_as_printed", 1 - model.kl_balance), ("", model.kl_balance):
        model.kl_balance = balance
        main, means = segment(model, t, "in.", start)
        found |= prefixed(f"grad{suffix}.", gradients(means["loss"], parameters))
        found |= prefixed(f"grad_kl{suffix}.", gradients(means["loss_kl"], not_decoder))

    carry, means = segment(model, t, "carry.in.", (t["carry.in.state_h"], t["carry.in.state_z"]))
    return {
        **found,
        **main,
        **prefixed("carry.", carry),
        **prefixed("carry.grad.", gradients(means["loss"], parameters)),
        **prefixed("dream.", dream(model, **under("dream.in.", t))),
        **optimizer_results(t, parameters, under("grad.", found)),
    }


def segment(model, t, prefix, start):
    """What the authors compute along one segment from a state `(h, z)`, and the means that they train on."""
    obs, action, reset = t[prefix + "obs"], t[prefix + "action"], t[prefix + "reset"].bool()
    means, decoded, end, _ = model.training_step({"obs": obs, "action": action, "reset": reset}, start)
    embed = model.encoder(obs)
    prior, post, z, features, (h, _), _ = model.rssm_core(embed, action, reset, start)
    loss_reconstr, loss_image, _ = model.decoder(features, obs)

    p, q, fixed_p, fixed_q = map(model.rssm_core.zdistr, (prior, post, prior.detach(), post.detach()))
    loss_kl_post, loss_kl_prior = kl_divergence(q, fixed_p), kl_divergence(fixed_q, p)
    loss_kl = (1 - model.kl_balance) * loss_kl_post + model.kl_balance * loss_kl_prior
    steps = {
        "embed": embed,
        "post_logits": post,
        "prior_logits": prior,
        "h": h,
        "z": z,
        "features": features,
        "decoded": decoded,
        "loss_image": loss_image,
        "loss_reconstr": loss_reconstr,
        "loss_kl_exact": kl_divergence(q, p),
        "loss_kl_post": loss_kl_post,
        "loss_kl_prior": loss_kl_prior,
        "loss_kl": loss_kl,
        "loss": model.kl_weight * loss_kl + loss_reconstr,
        "entropy_prior": p.entropy(),
        "entropy_post": q.entropy(),
    }
    for name, mean in means.items():
        assert torch.equal(steps[name].mean(), mean), f"the authors have another {name}"
    return {
        **steps,
        **prefixed("mean.", means),
        "post_mode": post.unflatten(-1, (-1, CLASSES)).argmax(-1),
        "post_margin_min": margin(post),
        "out_state_h": end[0],
        "out_state_z": end[1],
    }, means


def margin(logits):
    """The smallest gap between the two largest logits of a variable: how safe the modes are."""
    first, second = logits.unflatten(-1, (-1, CLASSES)).topk(2).values.unbind(-1)
    return (first - second).min()


@torch.no_grad()
def dream(model, action, state_h, state_z):
    state, steps = (state_h, state_z), []
    for taken in action:
        state = model.dream(taken, state)
        steps.append((*state, model.rssm_core.cell.batch_prior(state[0])))
    h, z, logits = map(torch.stack, zip(*steps))
    return {"h": h, "z": z, "prior_logits": logits, "prior_margin_min": margin(logits)}


def optimizer_results(t, parameters, gradient):
    """One step of each optimiser on the model, and six on two small parameters. The authors clip AdamW's."""
    s = settings(t)
    common = dict(lr=s["lr"], betas=(s["beta1"], s["beta2"]))
    adamw = partial(torch.optim.AdamW, **common, eps=s["adamw_eps"], weight_decay=s["adamw_weight_decay"])
    adam = partial(torch.optim.Adam, **common, eps=s["adam_eps"])

    [after_adamw], [norm] = optimised(parameters, [gradient], adamw, s["clip_norm"])
    [after_adam], _ = optimised(parameters, [gradient], adam)
    found = {
        "clip.total_norm": norm,
        "clip.coefficient": min(1, s["clip_norm"] / (norm.item() + 1e-6)),
        **prefixed("after_adamw.", after_adamw),
        **prefixed("after_adam.", after_adam),
    }

    small = under("optim_seq.in.", t)
    steps = [{"p": p, "q": q} for p, q in zip(small["grad_p"], small["grad_q"])]
    for name, optimizer, clip in ("adamw", adamw, settings(t, "optim_seq.hp.")["clip_norm"]), ("adam", adam, math.inf):
        after, norms = optimised({"p": small["p"], "q": small["q"]}, steps, optimizer, clip)
        found |= {f"optim_seq.{name}.{key}": torch.stack([step[key] for step in after]) for key in "pq"}
        if name == "adamw":
            found["optim_seq.adamw.norm"] = torch.stack(norms)
    return found
