"""Writes the fixtures beside this file with Minari itself. Run: python make_fixtures.py (minari 0.5.4, gymnasium, h5py)

Episode e has 3 + 70 e steps. Pixel (y, x) of frame t is (37 e + 5 t + 3 y + x) mod 251, action t is
(t + e) mod 3 + start, reward t is t / 2 - e. Episode 0 terminates, episode 1 is truncated. The seed of episode e is
7 + e.
"""

import json
import os
import pathlib
import shutil

import gymnasium
import h5py
import numpy as np

HERE = pathlib.Path(__file__).parent
os.environ["MINARI_DATASETS_PATH"] = str(HERE)
import minari  # noqa: E402  (reads the path above)
from minari.data_collector import EpisodeBuffer  # noqa: E402

SIDE = 32


def frames(episode, steps, shape):
    t, y, x = np.meshgrid(np.arange(steps + 1), np.arange(SIDE), np.arange(SIDE), indexing="ij")
    return ((37 * episode + 5 * t + 3 * y + x) % 251).astype(np.uint8).reshape(steps + 1, *shape)


def buffer(episode, shape, start):
    steps = 3 + 70 * episode
    t = np.arange(steps)
    return EpisodeBuffer(
        id=episode,
        seed=7 + episode,
        observations=frames(episode, steps, shape),
        actions=(t + episode) % 3 + start,
        rewards=t / 2.0 - episode,
        terminations=(t == steps - 1) & (episode == 0),
        truncations=(t == steps - 1) & (episode == 1),
    )


def write(name, shape, start=0, episodes=2, **options):
    shutil.rmtree(HERE / "fixtures" / name, ignore_errors=True)
    minari.create_dataset_from_buffers(
        f"fixtures/{name}",
        [buffer(e, shape, start) for e in range(episodes)],
        observation_space=gymnasium.spaces.Box(0, 255, shape, np.uint8),
        action_space=gymnasium.spaces.Discrete(3, start=start),
        author="ditto",
        **options,
    )
    return HERE / "fixtures" / name / "data" / "main_data.hdf5"


def compress(path):
    plain = path.with_suffix(".plain")
    path.rename(plain)
    with h5py.File(plain) as source, h5py.File(path, "w") as target:
        for name, group in source.items():
            copy = target.create_group(name)
            copy.attrs.update(group.attrs)
            for key, value in group.items():
                if key == "observations":
                    chunks = (min(64, len(value)), *value.shape[1:])
                    copy.create_dataset(key, data=value[()], chunks=chunks, compression="gzip", shuffle=True)
                else:
                    source.copy(value, copy)
    plain.unlink()


compress(write("channels-last-v0", (SIDE, SIDE, 1), start=2, jpeg_encoding=False))
compress(write("channels-first-v0", (1, SIDE, SIDE)))
write("jpeg-v0", (SIDE, SIDE), episodes=1)

# A file of format 0.4.x: no metadata.json, its values are attributes of the root; and frames without a channel.
old = write("old-v0", (SIDE, SIDE), jpeg_encoding=False)
compress(old)
metadata = json.loads((old.parent / "metadata.json").read_text())
(old.parent / "metadata.json").unlink()
with h5py.File(old, "a") as file:
    for key in ["total_episodes", "total_steps", "observation_space", "action_space", "dataset_id"]:
        file.attrs[key] = metadata[key]
