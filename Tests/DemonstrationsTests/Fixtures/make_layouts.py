"""Writes `layouts/` beside this file: fields in every layout that HDF5 knows, and datasets of two episodes of which
parts are missing or in other files. Run: python make_layouts.py (h5py 3.16)

Whatever its shape and type, element i of a field is (7 i + 3) mod 120.
"""

import json
import os
import pathlib
import shutil
import struct

import h5py
import numpy as np

FOLDER = pathlib.Path(__file__).parent / "layouts"


def values(shape, dtype="u1"):
    return ((7 * np.arange(np.prod(shape, dtype=int)) + 3) % 120).astype(dtype).reshape(shape)


def compact(group, name, data):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple(data.shape), plist).write(
        h5py.h5s.ALL, h5py.h5s.ALL, data
    )


def early(group, name, data, chunks, largest=None):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunks)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    h5py.h5d.create(
        group.id, name.encode(), h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple(data.shape, largest), plist
    ).write(h5py.h5s.ALL, h5py.h5s.ALL, data)


def external(group, name, shape):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_external(b"gone.raw", 0, int(np.prod(shape)))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple(shape), plist)


def virtual(group, name, shape):
    layout = h5py.VirtualLayout(shape, "u1")
    layout[:] = h5py.VirtualSource("gone.hdf5", "field", shape)
    group.create_virtual_dataset(name, layout)


def good(file):
    group = file.create_group("good")
    group["contiguous"] = values((5, 3))
    compact(group, "compact", values((4, 4)))
    early(group, "early", values((9, 5)), (4, 2))
    group.create_dataset("whole_chunk", data=values((8, 6)), chunks=(8, 6))
    group.create_dataset("whole_chunk_gzip", data=values((8, 6)), chunks=(8, 6), compression="gzip")
    group.create_dataset("rows", data=values((70, 6, 6)), chunks=(64, 6, 6))
    group.create_dataset("tiles", data=values((23, 7, 6)), chunks=(10, 4, 4), compression="gzip")
    group.create_dataset("shuffled", data=values((300,), "<i8"), chunks=(64,), compression="gzip", shuffle=True)
    group.create_dataset("summed", data=values((31, 3)), chunks=(8, 3), compression="gzip", fletcher32=True)
    group.create_dataset("growing", data=values((70, 5)), chunks=(3, 5), maxshape=(None, 5))
    group.create_dataset("growing_gzip", data=values((70, 5)), chunks=(1, 2), maxshape=(None, 9), compression="gzip")
    group.create_dataset("growing_both", data=values((40, 5)), chunks=(3, 2), maxshape=(None, None), compression="gzip")
    group.create_dataset("pages", data=values((1100,)), chunks=(1,))
    shrunk = group.create_dataset("shrunk", data=values((20, 4)), chunks=(4, 4), maxshape=(None, 4))
    shrunk.resize((10, 4))
    group["big_endian"] = values((12,), ">i4")
    group["big_endian_float"] = values((12,), ">f4")
    group["double"] = values((12,), "<f8")
    group["short"] = values((12,), "<u2")
    group["soft"] = h5py.SoftLink("/good/rows")
    group["beside"] = h5py.ExternalLink("other.hdf5", "/inner/there")
    many = file.create_group("many", track_order=True)
    for index in range(60):
        many[f"field_{index}"] = values((index + 1,))
    for index in range(20):
        many.attrs[f"number_{index}"] = index
    many.attrs["seed"] = np.uint64(2**64 - 1)
    file.attrs["text"] = "a string of any length"
    file.attrs["fixed"] = np.bytes_("a string of its length")
    file.attrs["number"] = 7
    file.attrs["real"] = 0.5
    file.attrs["list"] = [1, 2]


def bad(file):
    group = file.create_group("bad")
    holes = group.create_dataset("holes", (70, 4), "u1", chunks=(10, 4))
    holes[0:30] = 1
    group.create_dataset("never", (70, 4), "u1")
    group.create_dataset("never_chunked", (70, 4), "u1", chunks=(10, 4), compression="gzip")
    virtual(group, "virtual", (4, 4))
    layout = h5py.VirtualLayout((5, 3), "u1")
    layout[:] = h5py.VirtualSource(".", "/good/contiguous", (5, 3))
    group.create_virtual_dataset("virtual_here", layout)
    external(group, "external", (4, 4))
    group["link_gone"] = h5py.ExternalLink("gone.hdf5", "/field")
    group["link_above"] = h5py.ExternalLink("../other.hdf5", "/field")
    group["loop"] = h5py.SoftLink("/bad/loop")
    group.create_dataset("lzf", data=values((40,)), chunks=(40,), compression="lzf")
    group.create_dataset("complex", data=np.zeros(4, "c8"))
    group.create_dataset("lists", (4,), h5py.vlen_dtype(np.uint8))


def edges(file):
    early(file, "early_growing", values((21, 3)), (4, 2), (30, 9))
    early(file, "early_bytes", values((12000,)), (1,))
    file["large"] = np.array([2**63 + 2**62, 3], "u8")
    file["here"] = h5py.SoftLink("././early_growing")
    group = file.create_group("attributes")
    group.attrs["negative"] = -1
    for name in ["few", "many"]:
        group = file.create_group(f"attributes/{name}")
        group.attrs["empty"] = h5py.Empty("f")
        group.attrs["complex"] = np.complex64(1)
        group.attrs["seed"] = 7
        if name == "many":
            group.attrs["large"] = np.zeros(8200)
            for index in range(9):
                group.attrs[f"other_{index}"] = index


def unclosed():
    child = os.fork()
    if child == 0:
        file = h5py.File(FOLDER / "unclosed.hdf5", "w", libver="latest")
        file.flush()
        os._exit(0)
    os.waitpid(child, 0)


def short_addresses():
    plist = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    plist.set_sizes(4, 4)
    h5py.h5f.create(str(FOLDER / "short-addresses.hdf5").encode(), fcpl=plist).close()


SHAPE = (5, 1, 32, 32)


def episode(group):
    group["observations"] = np.full(SHAPE, 9, "u1")
    group["actions"] = np.arange(4) % 3
    group["rewards"] = np.ones(4)
    group["terminations"] = np.array([False, False, False, True])
    group["truncations"] = np.zeros(4, bool)


def dataset(
    name, change=None, observations={"type": "Box", "dtype": "uint8", "shape": SHAPE[1:], "low": 0, "high": 255}
):
    folder = FOLDER / name
    folder.mkdir()
    with h5py.File(folder / "main_data.hdf5", "w") as file:
        for number in range(2):
            episode(file.create_group(f"episode_{number}"))
        if change:
            change(file, file["episode_1"])
    actions = {"type": "Discrete", "dtype": "int64", "start": 0, "n": 3}
    (folder / "metadata.json").write_text(
        json.dumps(
            {
                "total_episodes": 2,
                "data_format": "hdf5",
                "dataset_id": f"{name}-v0",
                "observation_space": json.dumps(observations),
                "action_space": json.dumps(actions),
            }
        )
    )
    return folder


def without(field, make):
    def change(_, group):
        del group[field]
        make(group)

    return change


def linked(name):
    def change(file, _):
        del file["episode_1"]
        file["episode_1"] = h5py.ExternalLink(name, "/episode_1")

    return change


def datasets():
    for field, shape, kind in [
        ("observations", SHAPE, "u1"),
        ("actions", (4,), "i8"),
        ("rewards", (4,), "f8"),
        ("terminations", (4,), "?"),
    ]:
        dataset(f"unwritten-{field}", without(field, lambda group: group.create_dataset(field, shape, kind)))

    def holes(group):
        group.create_dataset("observations", SHAPE, "u1", chunks=(1, *SHAPE[1:]))[0:3] = 9

    dataset("holes", without("observations", holes))
    dataset("virtual", without("observations", lambda group: virtual(group, "observations", SHAPE)))
    dataset("external", without("observations", lambda group: external(group, "observations", SHAPE)))
    dataset("link-gone", linked("gone.hdf5"))
    for name, value in [("nan", np.nan), ("infinity", np.inf), ("huge", -1e30)]:

        def vectors(file, last):
            for group in file.values():
                del group["observations"]
                group["observations"] = np.zeros((5, 2), "f4")
            last["observations"][3, 1] = value

        dataset(f"vector-{name}", vectors, {"type": "Box", "dtype": "float32", "shape": [2]})
    dataset(
        "many-steps",
        without(
            "rewards",
            lambda group: group.create_dataset(
                "rewards", data=np.zeros(4_000_000, "i1"), chunks=(4_000_000,), compression="gzip", compression_opts=9
            ),
        ),
    )

    def hard(file, _):
        del file["episode_1"]
        file["episode_1"] = file["episode_0"]

    dataset("one-episode-twice", hard)
    folder = dataset("linked", linked("additional_data_0.hdf5"))
    with h5py.File(folder / "additional_data_0.hdf5", "w") as file:
        episode(file.create_group("episode_1"))


def overlapping():
    """Files whose structures share their bytes, so that what is read of them grows as the square of their size."""
    with h5py.File(FOLDER / "overlapping-leaves.hdf5", "w") as file:
        file.create_dataset("field", data=np.ones(4, "u1"), chunks=(1,))
    whole = bytearray((FOLDER / "overlapping-leaves.hdf5").read_bytes())

    def write(name, content):
        content[40:48] = struct.pack("<Q", len(content))
        (FOLDER / f"overlapping-{name}.hdf5").write_bytes(content)

    # A tree of chunks: each 32 bytes are an entry of one leaf and the head of another.
    content, tree, count = bytearray(whole), whole.index(b"TREE\x01"), 100
    content += bytes(-len(content) % 32)
    leaves = len(content)
    content += (b"TREE\x01\x00" + struct.pack("<HQQII", count, 5 << 40, 0, 1, 0)) * (2 * count + 2) + bytes(64)
    content = content.replace(struct.pack("<Q", tree), struct.pack("<Q", len(content)))
    content += b"TREE\x01\x01" + struct.pack("<H", count) + b"\xff" * 16
    for index in range(count):
        content += struct.pack("<IIQQQ", 1, 0, 0, 0, leaves + 32 * index)
    write("leaves", content + bytes(24))
    # The root's header: a table of links, and continuations in each other.
    content, zone = bytearray(whole), len(whole)
    content += bytes(8 * 2 * count)
    header = struct.pack("<HHI", 17, 16, 0) + whole[80:96]
    for index in range(count):
        header += struct.pack("<HHIQQ", 16, 16, 0, zone + 8 * index, 8 * (2 * count - index))
    content[64:72] = struct.pack("<Q", len(content))
    write("continuations", content + struct.pack("<BBHIII", 1, 0, 1, 1, len(header), 0) + header)
    # Links whose names are each other's ends.
    content, names, size = bytearray(whole), len(whole), 2000
    content += b"a" * (size - 1) + b"\0"
    heap = len(content)
    content += b"HEAP" + struct.pack("<IQQQ", 0, size, 1, names)
    symbols = len(content)
    content += b"SNOD\1\0" + struct.pack("<H", count)
    for index in range(count):
        content += struct.pack("<QQII16x", index, struct.unpack_from("<Q", whole, 64)[0], 0, 0)
    tree = len(content)
    content += b"TREE\0\0" + struct.pack("<H", 1) + b"\xff" * 16 + struct.pack("<QQQ", 0, symbols, 0)
    content[64:72] = struct.pack("<Q", len(content))
    write("names", content + struct.pack("<BBHIIIHHIQQ", 1, 0, 1, 1, 24, 0, 17, 16, 0, tree, heap))


shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir()
with h5py.File(FOLDER / "other.hdf5", "w") as other:
    other["inner/there"] = values((6, 2))
for name, options in [
    ("earliest", {}),
    ("v108", {"libver": ("v108", "latest")}),
    ("latest", {"libver": "latest"}),
    ("block", {"userblock_size": 1024}),
]:
    with h5py.File(FOLDER / f"{name}.hdf5", "w", **options) as file:
        good(file)
        bad(file)
with h5py.File(FOLDER / "edges.hdf5", "w", libver="latest") as file:
    edges(file)
datasets()
unclosed()
short_addresses()
overlapping()
