"""`paper_equations`: the paper's equations in float64 NumPy, with analytic gradients, written from its text alone.

Nothing here is the authors' code. Trajectories are rows 0..H-1 of states s_1..s_H; expectations are means over B. A
function of an equation takes the file's inputs by their names.
"""

import numpy as np

from fixture import prefixed, settings, under

T, B, S, K, H = 6, 4, 4, 5, 15  # steps, batch, groups and classes of z, states of a trajectory
D, A, E, M = 10, 5, 5, 9  # latent size, actions, ensemble, expert set
# γ and λ of equation 13, and the states.
RETURNS = [
    (0.95, 0.95, 15),
    (0.95, 0, 15),
    (0.95, 1, 15),
    (0.99, 0.95, 9),
    (1, 1, 5),
    (1, 0.5, 5),
    (0, 0.7, 6),
    (0.9, 0.4, 2),
    (0.997, 0.6, 30),
]


def inputs(_):
    rng = np.random.default_rng(42)
    t = {
        "eq11.hp.delta": np.float64(0.8),
        "eq10.hp.beta": np.float64(0.1),
        "eq15.hp.eta": np.float64(0.05),
        "eq16.hp.eta_bc": np.float64(0.1),
    }
    t["eq1.in.probs"] = np.exp(log_softmax(rng.normal(0, 1.5, (E, B, A))))
    t["eq1.in.actions"] = rng.integers(0, A, B)
    t["eq3.in.expert_logits"] = rng.normal(0.7, 1.5, (T, B))
    t["eq3.in.agent_logits"] = rng.normal(-0.7, 1.5, (T, B))

    # Queries: three pairs of the expert, two states of it with other actions, three strangers, one very near.
    expert, taken = rng.normal(0, 1, (M, D)), rng.integers(0, A, M)
    t["eq4.in.expert_states"], t["eq4.in.expert_actions"] = expert, taken
    t["eq4.in.states"] = np.concatenate([expert[:5], rng.normal(0, 1, (3, D)), expert[5:6] + 1e-6])
    t["eq4.in.actions"] = np.concatenate([taken[:3], (taken[3:5] + 1) % A, taken[:3], taken[5:6]])

    # Seven strangers, then expert rows that are equal, negated, doubled, and mixed with noise.
    t["eq7.in.agent"] = np.concatenate(
        [
            rng.normal(0, 1, (7, D)),
            expert[2:3],
            -expert[3:4],
            2 * expert[4:5],
            0.9 * expert[5:6] + 0.1 * rng.normal(0, 1, (1, D)),
        ]
    )
    t["eq7.in.expert"] = expert
    agent = t["eq8.in.agent"] = rng.normal(0, 1, (T, B, D)) * rng.uniform(0.2, 3, (T, B, 1))
    t["eq8.in.expert"] = 0.6 * agent + rng.normal(0, 0.6, (T, B, D))

    t["eq11.in.post_logits"] = rng.normal(0, 2, (T, B, S, K))
    t["eq11.in.prior_logits"] = rng.normal(0, 2, (T, B, S, K))
    image = t["eq10.in.image"] = rng.normal(0, 1, (T, B, 1, 5, 4))
    t["eq10.in.decoded"] = image + rng.normal(0, 0.3, image.shape)
    for number, (gamma, lambda_, states) in enumerate(RETURNS):
        t |= prefixed(
            f"eq13.case{number}.",
            {
                "hp.gamma": np.float64(gamma),
                "hp.lambda": np.float64(lambda_),
                "in.rewards": rng.uniform(-0.5, 1, (states, B)),
                "in.values": rng.normal(0, 3, (states, B)),
            },
        )
    values = t["eq14.in.values"] = rng.normal(3, 2, (H, B))
    t["eq14.in.returns"] = values + rng.normal(0, 1, (H, B))
    t["eq15.in.logits"], t["eq15.in.actions"] = rng.normal(0, 1.5, (H, B, A)), rng.integers(0, A, (H, B))
    t["eq16.in.logits"], t["eq16.in.actions"] = rng.normal(0, 1.5, (T * B, A)), rng.integers(0, A, T * B)
    return t


def results(_, t):
    def of(name):
        return {key: tensor.numpy() for key, tensor in under(name + ".in.", t).items()} | settings(t, name + ".hp.")

    found = {}
    for name, equation in [
        ("eq1", equation1),
        ("eq3", equation3),
        ("eq4", equation4),
        ("eq7", equation7),
        ("eq8", equation8),
        ("eq11", equation11),
        ("eq14", equation14),
        ("eq16", equation16),
    ]:
        found |= prefixed(name + ".", equation(**of(name)))
    found |= prefixed("eq10.", equation10(**of("eq10"), divergence=found["eq11.kl"]))
    for number in range(len(RETURNS)):
        name = f"eq13.case{number}"
        found[name + ".returns"] = equation13(**of(name))
    found |= prefixed("eq15.", equation15(**of("eq15"), **of("eq14")))
    return found


# Equations


def equation1(probs, actions):
    """The disagreement of an ensemble: the variance of an action's probability, over its E members."""
    variance = ((probs - probs.mean(0)) ** 2).mean(0)
    return {"variance": variance, "variance_at_actions": chosen(variance, actions)}


def equation3(expert_logits, agent_logits):
    """GAIL's loss of a discriminator D = sigmoid(logit): the expectation of -log D, plus that of -log(1 - D)."""
    expert, agent = -log_sigmoid(expert_logits), -log_sigmoid(-agent_logits)
    return {
        "expert_terms": expert,
        "agent_terms": agent,
        "loss": expert.mean() + agent.mean(),
        "grad_expert_logits": (np.exp(log_sigmoid(expert_logits)) - 1) / expert_logits.size,
        "grad_agent_logits": np.exp(log_sigmoid(agent_logits)) / agent_logits.size,
    }


def equation4(states, actions, expert_states, expert_actions):
    """1 for exactly the expert's pairs of state and action."""
    same_state = (states[:, None] == expert_states).all(-1)
    return {"reward": (same_state & (actions[:, None] == expert_actions)).any(1).astype(np.float64)}


def equation7(agent, expert):
    """1 minus the distance to the nearest of the expert's states, and which that is, by three distances."""
    rows, found = agent[:, None], {}  # [N, 1, D], against [M, D]
    for name, distance in [
        ("eq8", 1 - similarity(rows, expert)),
        ("l2", norm(rows - expert)),
        ("cosine", 1 - cosine(rows, expert)),
    ]:
        found |= {"reward_" + name: 1 - distance.min(1), "nearest_" + name: distance.argmin(1)}
    return found


def equation8(agent, expert):
    """The latent reward, and the two others that its text names."""
    return {
        "reward": similarity(expert, agent),
        "reward_l2": 1 - norm(expert - agent),
        "reward_cosine": cosine(expert, agent),
    }


def equation10(image, decoded, beta, divergence):
    """The world model's loss, with a decoder of variance 1: with and without the constant of its density, summed over
    steps as printed, and as a mean."""
    nll = 0.5 * ((image - decoded) ** 2).sum((-1, -2, -3))
    full = nll + 0.5 * np.log(2 * np.pi) * np.prod(image.shape[-3:])
    kl = beta * divergence
    return {
        "nll": nll,
        "nll_full": full,
        "loss": (nll + kl).sum(0).mean(),
        "loss_full": (full + kl).sum(0).mean(),
        "loss_mean": (nll + kl).mean(),
    }


def equation11(post_logits, prior_logits, delta):
    """KL(q‖p) in nats, and its balance: δ weighs KL(q‖sg(p)) as printed, KL(sg(q)‖p) in DreamerV2 and in the
    authors' code. That changes no value, only gradients: of the sum over steps and rows."""
    log_q, log_p = log_softmax(post_logits), log_softmax(prior_logits)
    q, p = np.exp(log_q), np.exp(log_p)
    terms = q * (log_q - log_p)
    kl = terms.sum((-1, -2))
    found = {"kl": kl, "entropy_post": entropy(post_logits).sum(-1), "entropy_prior": entropy(prior_logits).sum(-1)}
    for name, weight in ("as_printed", delta), ("as_dreamerv2", 1 - delta):
        found["value_" + name] = weight * kl + (1 - weight) * kl
        found["grad_post_" + name] = weight * (q * (log_q - log_p - terms.sum(-1, keepdims=True)))
        found["grad_prior_" + name] = (1 - weight) * (p - q)
    return found


def equation13(rewards, values, gamma, **lambda_):
    """The λ-returns V_1..V_H, of which the last is v(s_H)."""
    (lambda_,) = lambda_.values()  # its name is a word of Python
    returns = values.copy()
    for t in reversed(range(len(values) - 1)):
        returns[t] = rewards[t] + gamma * ((1 - lambda_) * values[t + 1] + lambda_ * returns[t + 1])
    return returns


def equation14(values, returns):
    """The critic's loss: a sum over t = 1..H-1 as printed, and as a mean."""
    error = values[:-1] - returns[:-1]
    per_step = 0.5 * error**2
    return {
        "per_step": per_step,
        "loss": per_step.sum(0).mean(),
        "loss_mean": per_step.mean(),
        "grad_values": with_last_row(error / values.shape[1]),
    }


def equation15(logits, actions, values, returns, eta):
    """The actor's loss: a sum over t = 1..H-1 as printed, and as a mean."""
    rows, batch = logits[:-1], logits.shape[1]
    log_policy, advantage = log_softmax(rows), (returns - values)[:-1]
    reinforce = -chosen(log_policy, actions[:-1]) * advantage
    losses = reinforce - eta * entropy(rows)
    gradient = -advantage[..., None] * (np.eye(A)[actions[:-1]] - np.exp(log_policy)) - eta * entropy_gradient(rows)
    return {
        "reinforce_terms": reinforce,
        "entropy": entropy(rows),
        "loss": losses.sum(0).mean(),
        "loss_mean": losses.mean(),
        "grad_logits": with_last_row(gradient / batch),
    }


def equation16(logits, actions, eta_bc):
    """The loss of cloning."""
    log_policy = log_softmax(logits)
    nll = -chosen(log_policy, actions)
    gradient = np.exp(log_policy) - np.eye(A)[actions] - eta_bc * entropy_gradient(logits)
    return {
        "nll": nll,
        "entropy": entropy(logits),
        "loss": (nll - eta_bc * entropy(logits)).mean(),
        "grad_logits": gradient / len(logits),
    }


# Their parts


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def entropy(logits):
    log_p = log_softmax(logits)
    return -(np.exp(log_p) * log_p).sum(-1)


def entropy_gradient(logits):
    log_p = log_softmax(logits)
    return -np.exp(log_p) * (log_p + entropy(logits)[..., None])


def chosen(x, indices):
    return np.take_along_axis(x, indices[..., None], -1)[..., 0]


def with_last_row(x):
    """And a last row of zeros: the last state has no loss."""
    return np.concatenate([x, np.zeros_like(x[:1])])


def norm(x):
    return np.sqrt((x * x).sum(-1))


def similarity(a, b):
    largest = np.maximum(norm(a), norm(b))
    return (a * b).sum(-1) / (largest * largest)


def cosine(a, b):
    return (a * b).sum(-1) / (norm(a) * norm(b))
