"""What the files have in common: named tensors, pictures, gradients and optimiser steps.

A tensor whose name has a part `in`, `param` or `hp` is an input of its file; the results follow from the inputs.
"""

import math

import numpy as np
import torch

PIXEL_MEAN, PIXEL_DEVIATION = 33, 55


def is_input(name):
    return not {"in", "param", "hp"}.isdisjoint(name.split("."))


def stored(tensors):
    """Copies of tensors, arrays and numbers as a file has them: numbers are float32 of shape `[1]`, indices int32."""

    def copy(value):
        tensor = torch.as_tensor(float(value) if isinstance(value, int) else value).detach()
        tensor = tensor.int() if tensor.dtype == torch.int64 else tensor
        return torch.atleast_1d(tensor).clone(memory_format=torch.contiguous_format)

    return {name: copy(value) for name, value in tensors.items()}


def prefixed(prefix, tensors):
    return {prefix + name: tensor for name, tensor in tensors.items()}


def under(prefix, tensors):
    """The tensors `prefix…`, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def settings(tensors, prefix="hp."):
    """The whole or short decimal numbers that the scalars `prefix…` stand for: 0.95, not 0.949999988."""
    numbers = {name: float(str(tensor.numpy()[0])) for name, tensor in under(prefix, tensors).items()}
    return {name: int(number) if number.is_integer() else number for name, number in numbers.items()}


# Inputs


def one_hot(indices, size):
    return np.eye(size, dtype=np.float32)[indices]


def frames(rng, *leading):
    """Raw pixels `[…, 1, 64, 64]`: a dark gradient, four bright rectangles, some noise."""
    pixels = np.empty((*leading, 1, 64, 64))
    ramp = np.linspace(0, 1, 64)
    for frame in pixels.reshape(-1, 64, 64):
        across, down = rng.uniform(0, 50, 2)
        frame[:] = across * ramp + down * ramp[:, None]
        for _ in range(4):
            y, x = rng.integers(0, 52, 2)
            height, width = rng.integers(4, 20, 2)
            frame[y : y + height, x : x + width] = rng.uniform(40, 255)
        frame += rng.normal(0, 6, frame.shape)
    return np.uint8(pixels.clip(0, 255))


def normalised(pixels):
    return (np.float32(pixels) - np.float32(PIXEL_MEAN)) / np.float32(PIXEL_DEVIATION)


# Results


def gradients(loss, parameters):
    """The gradient to each parameter; zeros where there is none."""
    found = torch.autograd.grad(
        loss, list(parameters.values()), retain_graph=True, allow_unused=True, materialize_grads=True
    )
    return dict(zip(parameters, found))


def optimised(parameters, steps, optimizer, clip=math.inf):
    """The parameters after each step of a new optimiser, along gradients whose global norm is first clipped; and what
    the norms were."""
    moving = {name: torch.nn.Parameter(parameter.detach().clone()) for name, parameter in parameters.items()}
    optimizer = optimizer(list(moving.values()))
    after, norms = [], []
    for step in steps:
        for name, parameter in moving.items():
            parameter.grad = step[name].clone()
        norms.append(torch.nn.utils.clip_grad_norm_(moving.values(), clip))
        optimizer.step()
        after.append({name: parameter.detach().clone() for name, parameter in moving.items()})
    return after, norms
