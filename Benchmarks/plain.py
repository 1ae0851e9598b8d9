"""The work that `ditto bench` measures, written plainly in PyTorch: default layout, default allocator, one graph node
per small step.

    plain.py world-model|agent|encode|act [--small] [--frame 96x96x3] [--batch N] [--length N] [--bf16] [--compiled]
             [--device cuda] [--repeats N] [--threads N] [--profile]

prints one JSON line: seconds per step (median, min, max), frames or imagined steps per second, the peak resident
memory, and the device's. With --compiled it is what a good engineer makes of it without kernels of their own: networks
and steps through torch.compile, feature maps channels-last, fused optimisers, no checks of distributions.
The architecture is that of DITTO, section 3.2, and DreamerV2, at the sizes of the presets `paper` and `small`; for
other frames than 64×64 the encoder halves the map until at most 4 pixels remain, and the decoder makes the same maps
from the last to the first.
"""

import argparse
import json
import resource
import statistics
import sys
import time
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Categorical, Independent, OneHotCategoricalStraightThrough, kl_divergence

ACTIONS = 18
DEVICE = "cpu"
COMPILED = False


def autocast(enabled):
    return torch.autocast(DEVICE, torch.bfloat16, enabled=enabled)


def uploaded(frames):
    """Frames of the host, on the device, without a wait."""
    return frames if DEVICE == "cpu" else frames.to(DEVICE, non_blocking=True)


def host_frames(*shape):
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, device="cpu")
    return frames if DEVICE == "cpu" else frames.pin_memory()


def compiled(function):
    return torch.compile(function, dynamic=False) if COMPILED else function


def tuned(model):
    """A world model whose parts are compiled, where that is asked for."""
    if COMPILED:
        model.to(memory_format=torch.channels_last)
        model.encoder, model.decoder = compiled(model.encoder), compiled(model.decoder)
        model.rssm.step, model.rssm.prior = compiled(model.rssm.step), compiled(model.rssm.prior)
    return model


@dataclass
class Sizes:
    depth: int
    deterministic: int
    hidden: int
    groups: int
    classes: int
    batch: int
    length: int
    policy_batch: int
    policy_layers: int
    horizon: int = 15
    height: int = 64
    width: int = 64
    colors: int = 1

    @property
    def stochastic(self):
        return self.groups * self.classes

    @property
    def features(self):
        return self.deterministic + self.stochastic

    @property
    def maps(self):
        """Channels, height and width of the frame and of each map of the encoder."""
        maps = [(self.colors, self.height, self.width)]
        while len(maps) == 1 or max(maps[-1][1:]) > 4 and min(maps[-1][1:]) >= 4:
            _, height, width = maps[-1]
            maps.append((self.depth << min(len(maps) - 1, 3), (height - 4) // 2 + 1, (width - 4) // 2 + 1))
        return maps

    @property
    def embedding(self):
        channels, height, width = self.maps[-1]
        return channels * height * width


PAPER = Sizes(48, 1024, 1000, 32, 32, 50, 50, 512, 8)
SMALL = Sizes(16, 256, 256, 16, 16, 16, 32, 256, 4)


class RSSM(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.sizes = s
        self.of_z = nn.Linear(s.stochastic, s.hidden)
        self.of_action = nn.Linear(ACTIONS, s.hidden, bias=False)
        self.input_norm = nn.LayerNorm(s.hidden, eps=1e-3)
        self.recurrence = nn.GRUCell(s.hidden, s.deterministic)
        self.prior_hidden = nn.Linear(s.deterministic, s.hidden)
        self.prior_norm = nn.LayerNorm(s.hidden, eps=1e-3)
        self.prior_logits = nn.Linear(s.hidden, s.stochastic)
        self.posterior_hidden = nn.Linear(s.deterministic, s.hidden)
        self.posterior_embedded = nn.Linear(s.embedding, s.hidden, bias=False)
        self.posterior_norm = nn.LayerNorm(s.hidden, eps=1e-3)
        self.posterior_logits = nn.Linear(s.hidden, s.stochastic)

    def classes(self, logits):
        shape = (*logits.shape[:-1], self.sizes.groups, self.sizes.classes)
        return Independent(OneHotCategoricalStraightThrough(logits=logits.reshape(shape).float()), 1)

    def prior(self, h):
        return self.prior_logits(F.elu(self.prior_norm(self.prior_hidden(h))))

    def step(self, h, z, action, embedding=None):
        h = self.recurrence(F.elu(self.input_norm(self.of_z(z) + self.of_action(action))), h)
        if embedding is None:
            logits = self.prior(h)
        else:
            hidden = self.posterior_hidden(h) + self.posterior_embedded(embedding)
            logits = self.posterior_logits(F.elu(self.posterior_norm(hidden)))
        return h, self.classes(logits).rsample().reshape(len(h), -1), logits


class WorldModel(nn.Module):
    def __init__(self, s):
        super().__init__()
        maps = s.maps
        encoder = [layer for a, b in zip(maps, maps[1:]) for layer in (nn.Conv2d(a[0], b[0], 4, 2), nn.ELU())]
        self.encoder = nn.Sequential(*encoder, nn.Flatten())
        if maps[0][1:] == (64, 64):
            start, kernels = (s.embedding, 1, 1), [5, 5, 6, 6]
        else:
            start = maps[-1]
            kernels = [[a[side] - 2 * (b[side] - 1) for side in (1, 2)] for a, b in zip(maps[-2::-1], maps[::-1])]
        channels = [start[0]] + [map[0] for map in maps[-2::-1]]
        decoder = [
            layer
            for i, kernel in enumerate(kernels)
            for layer in (nn.ConvTranspose2d(channels[i], channels[i + 1], kernel, 2), nn.ELU())
        ]
        self.decoder = nn.Sequential(nn.Linear(s.features, s.embedding), nn.Unflatten(1, start), *decoder[:-1])
        self.rssm = RSSM(s)

    def infer(self, frames, actions, keep, h, z):
        embedding = self.encoder(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        states = []
        for t in range(len(frames)):
            h, z, logits = self.rssm.step(h * keep[t], z * keep[t], actions[t] * keep[t], embedding[t])
            states.append((h, z, logits))
        return [torch.stack(part) for part in zip(*states)]


def world_model(s, bf16, repeats):
    model = tuned(WorldModel(s))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, eps=1e-5, fused=COMPILED)
    T, B = s.length, s.batch
    raw = host_frames(T, B, s.colors, s.height, s.width)
    actions = F.one_hot(torch.randint(0, ACTIONS, (T, B)), ACTIONS).float()
    keep = torch.ones(T, B, 1)
    start = torch.zeros(B, s.deterministic), torch.zeros(B, s.stochastic)

    def step():
        with autocast(bf16):
            frames = (uploaded(raw).float() - 127) / 74
            h, z, posterior = model.infer(frames, actions, keep, *start)
            prior = model.rssm.prior(h)
            decoded = model.decoder(torch.cat((h, z), -1).flatten(0, 1)).view_as(frames)
            image = 0.5 * (decoded.float() - frames).square().sum((-3, -2, -1))
            classes = model.rssm.classes
            kl = 0.2 * kl_divergence(classes(posterior), classes(prior.detach()))
            kl = kl + 0.8 * kl_divergence(classes(posterior.detach()), classes(prior))
            loss = (image + 0.1 * kl).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 200)
        optimizer.step()

    return measured(step, repeats, T * B)


def mlp(inputs, outputs, layers, width=256):
    sizes = [inputs] + layers * [width]
    hidden = [layer for i in range(layers) for layer in (nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


def agent(s, bf16, repeats):
    rssm = RSSM(s).requires_grad_(False)
    actor, critic, target = (mlp(s.features, outputs, s.policy_layers) for outputs in (ACTIONS, 1, 1))
    optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=3e-4, fused=COMPILED)
    actor, critic, target, dynamics = compiled(actor), compiled(critic), compiled(target), compiled(rssm.step)
    H, B, D = s.horizon, s.policy_batch, s.deterministic
    expert_h = torch.randn(H + 1, B, D).tanh()
    expert_z = torch.eye(s.classes)[torch.randint(0, s.classes, (H + 1, B, s.groups))].flatten(2)
    expert = torch.cat((expert_h, expert_z), -1)

    def step():
        state, rewards, values, targets, log_probabilities, entropies = expert[0], [], [], [], [], []
        # Plain, actor and critic stay in f32, as the authors have them; compiled, they are in bf16 like ours.
        with autocast(bf16 and COMPILED):
            for k in range(H):
                policy = Categorical(logits=actor(state).float())
                values.append(critic(state)[:, 0].float())
                action = policy.sample()
                log_probabilities.append(policy.log_prob(action))
                entropies.append(policy.entropy())
                with torch.no_grad():
                    targets.append(target(state)[:, 0].float())
                with torch.no_grad(), autocast(bf16):
                    h, z, _ = dynamics(state[:, :D], state[:, D:], F.one_hot(action, ACTIONS).float())
                state = torch.cat((h.float(), z.float()), -1)
                e = expert[k + 1]
                rewards.append((e * state).sum(-1) / torch.maximum(e.norm(dim=-1), state.norm(dim=-1)).square())
            with torch.no_grad():
                targets.append(target(state)[:, 0].float())
        returns, following = [], targets[-1]
        for k in reversed(range(H)):
            following = rewards[k] + 0.95 * (0.05 * targets[k + 1] + 0.95 * following)
            returns.insert(0, following)
        returns, values = torch.stack(returns), torch.stack(values)
        advantage = (returns - values).detach()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        loss = -(torch.stack(log_probabilities) * advantage).mean() - 0.05 * torch.stack(entropies).mean()
        loss = loss + 0.5 * (values - returns).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return measured(step, repeats, H * B)


def filtering(s, bf16, episodes, frames_each):
    """Episodes side by side through encoder and posterior, frame after frame, without gradients."""
    model = tuned(WorldModel(s).requires_grad_(False))
    raw = host_frames(frames_each, episodes, s.colors, s.height, s.width)
    actions = F.one_hot(torch.randint(0, ACTIONS, (frames_each, episodes)), ACTIONS).float()
    keep = torch.ones(frames_each, episodes, 1)
    start = torch.zeros(episodes, s.deterministic), torch.zeros(episodes, s.stochastic)

    def run():
        with torch.no_grad(), autocast(bf16):
            return model.infer((uploaded(raw).float() - 127) / 74, actions, keep, *start)

    return run


def encode(s, bf16, repeats):
    """Episodes of 512 frames: one after the other, as the authors' code does it; compiled, 16 side by side like
    ours."""
    episodes = 16 if COMPILED else 1
    return measured(filtering(s, bf16, episodes, 512), repeats, episodes * 512)


def act(s, bf16, repeats):
    """One observation to one action."""
    run, actor = filtering(s, bf16, 1, 1), mlp(s.features, ACTIONS, s.policy_layers).requires_grad_(False)

    def step():
        h, z, _ = run()
        with torch.no_grad(), autocast(bf16):
            return actor(torch.cat((h[0].float(), z[0].float()), -1)).argmax().item()

    return measured(step, 100 * repeats, 1)


PROFILE = False


def measured(step, repeats, items):
    torch.set_default_device(None)  # as long as there is one, every call goes through Python
    seconds = []
    if PROFILE:
        step()
        kinds = [torch.profiler.ProfilerActivity.CPU]
        kinds += [] if DEVICE == "cpu" else [torch.profiler.ProfilerActivity.CUDA]
        with torch.profiler.profile(activities=kinds) as profile:
            step()
        order = "self_cpu_time_total" if DEVICE == "cpu" else "self_cuda_time_total"
        print(profile.key_averages().table(sort_by=order, row_limit=24), file=sys.stderr)
    for _ in range(repeats + 2):
        start = time.perf_counter()
        step()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    seconds = seconds[2:]
    median = statistics.median(seconds)
    return {"seconds": {"median": median, "min": min(seconds), "max": max(seconds)}, "rate": items / median}


def main():
    works = {"world-model": world_model, "agent": agent, "encode": encode, "act": act}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=works)
    parser.add_argument("--small", action="store_true", help="the preset `small` instead of `paper`")
    parser.add_argument("--frame", default="64x64x1", help="height, width and channels")
    parser.add_argument("--batch", type=int, help="sequences of a world model's step")
    parser.add_argument("--length", type=int, help="frames of a sequence")
    parser.add_argument("--bf16", action="store_true", help="bf16 autocast")
    parser.add_argument("--compiled", action="store_true", help="torch.compile, channels-last, fused optimisers")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument(
        "--profile", action="store_true", help="print where the time of one step goes, to standard error"
    )
    a = parser.parse_args()
    global PROFILE, DEVICE, COMPILED
    PROFILE, DEVICE, COMPILED = a.profile, a.device, a.compiled
    if DEVICE == "cuda" and not torch.cuda.is_available():
        sys.exit("plain.py: this torch finds no CUDA device")
    if DEVICE != "cpu":
        torch.set_default_device(DEVICE)
    if COMPILED:
        torch.distributions.Distribution.set_default_validate_args(False)
    if a.threads:
        torch.set_num_threads(a.threads)
    s = SMALL if a.small else PAPER
    height, width, colors = (int(size) for size in a.frame.split("x"))
    s = replace(s, height=height, width=width, colors=colors, batch=a.batch or s.batch, length=a.length or s.length)
    result = works[a.work](s, a.bf16, a.repeats)
    result["peakMemory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if DEVICE == "cuda":
        result["peakDeviceMemory"] = torch.cuda.max_memory_reserved() / 2**30
    dtype = "bf16" if a.bf16 else "f32"
    print(json.dumps({"work": a.work, "dtype": dtype, "threads": torch.get_num_threads(), **result}))


if __name__ == "__main__":
    main()
