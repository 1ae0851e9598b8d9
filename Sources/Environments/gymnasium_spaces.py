"""What Gymnasium's spaces are in ditto's bytes: fields of what is seen, parts of what is done.

gymnasium_worker.py stands after this in one text, which Python runs.
"""


class Refusal(Exception):
    """This environment cannot be used; the message says why and what to do."""


# The name of a field that is alone.
SINGLE = "observation"


def fields(space, path=(), taken=lambda observation: observation):
    """The fields of a space, each with the function that makes its bytes of an observation."""
    import numpy
    from gymnasium import spaces

    name = "/".join(path) or SINGLE
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        parts = space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces)
        for key, part in parts:
            step = str(key) if isinstance(space, spaces.Dict) else f"_index_{key}"
            yield from fields(part, (*path, step), lambda observation, key=key: taken(observation)[key])
    elif path and is_text(space):
        return
    elif isinstance(space, spaces.Discrete):
        start = int(space.start)
        yield {"name": name, "classes": [int(space.n)]}, lambda observation: numbers([taken(observation) - start])
    elif isinstance(space, spaces.MultiDiscrete):
        start = numpy.asarray(getattr(space, "start", 0))
        yield (
            {"name": name, "classes": space.nvec.flatten().tolist()},
            lambda observation: numbers(matching(taken(observation), space.shape) - start),
        )
    elif isinstance(space, spaces.MultiBinary):
        yield (
            {"name": name, "classes": [2] * int(numpy.prod(space.shape))},
            lambda observation: numbers(matching(taken(observation), space.shape)),
        )
    elif isinstance(space, spaces.Box) and space.dtype == "uint8" and len(space.shape) in (2, 3):
        shape = space.shape if len(space.shape) == 3 else (1, *space.shape)
        last = len(space.shape) == 3 and channels_last(shape)
        axes = (2, 0, 1) if last else (0, 1, 2)
        yield (
            {"name": name, "image": [int(shape[axis]) for axis in axes]},
            lambda observation: pixels(matching(taken(observation), shape)).transpose(axes).tobytes(),
        )
    elif (
        isinstance(space, spaces.Box)
        and space.dtype.kind in "fiub"
        and not (space.dtype == "uint8" and len(space.shape) > 3)
    ):
        yield (
            {"name": name, "vector": int(numpy.prod(space.shape))},
            lambda observation: numbers(matching(taken(observation), space.shape)),
        )
    else:
        raise Refusal(
            f"its observation has {name} of {space}, which there is no field for; "
            "set the pixel pipeline's kind to rendered"
        )


def field_bytes(field, taken, observation):
    try:
        data = taken(observation)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise Refusal(f"{field['name']} is not of its space ({error}) in {observation!r:.80}") from error
    if len(data) != size_of(field):
        raise Refusal(
            f"{field['name']} has {len(data)} bytes, where its space has {size_of(field)}, in {observation!r:.80}"
        )
    return data


def channels_last(shape):
    """Whether the last of three axes has the channels: the one beside two equal ones, else the shorter end."""
    if (shape[0] == shape[1]) != (shape[1] == shape[2]):
        return shape[0] == shape[1]
    return shape[2] <= shape[0]


def matching(values, shape):
    """As an array of this shape, from which it may differ by axes of one."""
    import numpy

    found = numpy.asarray(values)
    if [size for size in found.shape if size != 1] != [size for size in shape if size != 1]:
        raise ValueError(f"its shape is {found.shape}, where {tuple(shape)} belongs")
    return found.reshape(shape)


def pixels(values):
    import numpy

    found = numpy.asarray(values)
    cast = found.astype("uint8", copy=False)
    if cast is not found and not (cast == found).all():
        raise ValueError(f"it holds {found.dtype} numbers that are no uint8")
    return cast


def numbers(values):
    import numpy

    return numpy.asarray(values).astype("<f4").tobytes()


def is_text(space):
    return space.dtype is not None and space.dtype.kind == "U"


def texts(space, path=()):
    """The names of what is text beside other fields, which is left out."""
    from gymnasium import spaces

    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        for key, part in space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces):
            yield from texts(part, (*path, str(key) if isinstance(space, spaces.Dict) else f"_index_{key}"))
    elif path and is_text(space):
        yield "/".join(path)


def is_vector(space):
    import gymnasium

    return isinstance(space, gymnasium.spaces.Box) and space.dtype.kind == "f" and len(space.shape) == 1


def size_of(field):
    """Bytes of a field in a frame."""
    import math

    return math.prod(field["image"]) if "image" in field else 4 * field.get("vector", len(field.get("classes", [])))


def action_parts(space, path=()):
    """The parts of what is done, those in a Dict or a Tuple one after the other."""
    import numpy
    from gymnasium import spaces

    part = {"name": "/".join(path) or "action"}
    if isinstance(space, (spaces.Dict, spaces.Tuple)):
        for key, inner in space.spaces.items() if isinstance(space, spaces.Dict) else enumerate(space.spaces):
            yield from action_parts(inner, (*path, str(key) if isinstance(space, spaces.Dict) else f"_index_{key}"))
    elif isinstance(space, spaces.Discrete):
        yield part | {"classes": [int(space.n)], "starts": [int(space.start)]}
    elif isinstance(space, spaces.MultiDiscrete):
        starts = numpy.broadcast_to(getattr(space, "start", 0), space.nvec.shape)
        yield part | {"classes": space.nvec.flatten().tolist(), "starts": starts.flatten().tolist()}
    elif isinstance(space, spaces.MultiBinary):
        count = int(numpy.prod(space.shape))
        yield part | {"classes": [2] * count, "starts": [0] * count}
    elif (
        isinstance(space, spaces.Box)
        and space.dtype.kind in "fiub"
        and not (space.dtype == "uint8" and len(space.shape) > 1)
    ):
        # What has no bound is beyond what JSON has numbers for.
        largest = float(numpy.finfo("f4").max)
        bounds = {
            key: numpy.clip(bound.astype("f8"), -largest, largest).flatten().tolist()
            for key, bound in (("low", space.low), ("high", space.high))
        }
        yield part | bounds | {"whole": [space.dtype.kind != "f"] * space.low.size}
    else:
        raise Refusal(f"its actions have {part['name']} of {space}, which there is no policy for")


def ordered_parts(space):
    """The parts in the order of their names, as in recordings."""
    return sorted(action_parts(space), key=lambda part: part["name"])


def build_action(space, values, path=()):
    """The action that an environment takes, of the values of its parts by their names."""
    import numpy
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        return {key: build_action(inner, values, (*path, str(key))) for key, inner in space.spaces.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(build_action(inner, values, (*path, f"_index_{key}")) for key, inner in enumerate(space.spaces))
    taken = numpy.array(values["/".join(path) or "action"])
    if isinstance(space, spaces.Discrete):
        return int(taken[0])
    taken = taken.reshape(space.shape)
    if isinstance(space, spaces.Box):
        # What is a bound in single precision may lie beyond it in double.
        taken = numpy.clip(taken if space.dtype.kind == "f" else numpy.rint(taken), space.low, space.high)
    return taken.astype(space.dtype)


def action(space, parts, value):
    """What `value` says: the index of each group's class, all parts' one after the other, then the numbers likewise."""
    import struct

    count = sum(len(part.get("classes", [])) for part in parts)
    classes = iter(struct.unpack(f"<{count}Q", value[: 8 * count]))
    numbers = iter(struct.unpack(f"<{(len(value) - 8 * count) // 4}f", value[8 * count :]))
    values = {}
    for part in parts:
        own = [start + next(classes) for start in part.get("starts", [])]
        values[part["name"]] = own or [next(numbers) for _ in part["low"]]
    return build_action(space, values)
