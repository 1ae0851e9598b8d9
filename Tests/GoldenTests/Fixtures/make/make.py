"""Makes the golden fixtures, or checks them.

    make.py AUTHORS_SRC FOLDER            writes the five files into FOLDER
    make.py AUTHORS_SRC FOLDER --verify   computes the results of FOLDER's files again from their inputs, and prints the
                                          largest difference, as a share of a tensor's largest absolute value

AUTHORS_SRC is the folder `src` of github.com/brantondemoss/DITTO at commit efe55879fed60d253c4669f140f6f199c0251f94
(2023-02-27, "working data gathering example"). The files were made with torch 2.13.0 (CPU), numpy 2.4.6 and
safetensors 0.8.0, which give the same bytes again on a processor with AVX-512; others round differently.
"""

import argparse
import contextlib
import io
import math
import pathlib
import sys
import warnings

sys.dont_write_bytecode = True  # this folder is a resource of the tests

import torch
from safetensors.torch import load_file, save_file

import actor_critic
import authors
import paper_equations
import pixel_cloning
import unroll
import world_model
from fixture import is_input, stored

FIXTURES = {
    "authors_world_model": world_model,
    "authors_actor_critic": actor_critic,
    "authors_unroll": unroll,
    "authors_bc": pixel_cloning,
    "paper_equations": paper_equations,
}
# What rounding may change on another processor, as a share of a tensor's largest absolute value. Adam's first step is
# the learning rate, one way or the other, even where a gradient is nothing but rounding.
TOLERANCE = {torch.float32: 3e-5, torch.float64: 1e-12, torch.int32: 0}
ADAM_TOLERANCE = 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("authors_src", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--verify", action="store_true", help="write nothing; exit 1 if a result differs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # the authors' modules use what torch has deprecated since
    code, wrong = authors.load(arguments.authors_src), []
    for name, module in FIXTURES.items():
        path = arguments.folder / f"{name}.safetensors"
        with contextlib.redirect_stdout(io.StringIO()):  # the authors' networks print
            report, off = verify(code, module, path) if arguments.verify else write(code, module, path)
        print(f"{name}: {report}")
        wrong += [f"{name}: '{result}' is off by {share:.1e} of its largest value" for result, share in off.items()]
    sys.exit("\n".join(wrong) or 0)


def write(code, module, path):
    inputs = stored(module.inputs(code))
    results = stored(module.results(code, inputs))
    save_file(inputs | results, path)
    return f"{len(inputs)} inputs, {len(results)} results", {}


def verify(code, module, path):
    """Says how much the largest difference is; and which results are off by more than the tolerance, and by what."""
    tensors = stored(load_file(path))
    inputs = {name: tensor for name, tensor in tensors.items() if is_input(name)}
    expected = {name: tensor for name, tensor in tensors.items() if not is_input(name)}
    found = stored(module.results(code, inputs))
    shares = {name: difference(name, found, expected) for name in found.keys() | expected.keys()}
    allowed = {
        name: ADAM_TOLERANCE if name.startswith("after_adam.") else TOLERANCE[tensor.dtype]
        for name, tensor in (found | expected).items()
    }
    wrong = {name: share for name, share in sorted(shares.items()) if share > allowed[name]}
    return f"{len(inputs)} inputs, {len(expected)} results, largest difference {max(shares.values()):.1e}", wrong


def difference(name, found, expected):
    """The largest difference as a share of the largest absolute value (for a smallest gap of logits: of the logits);
    infinite where name, type, shape or NaNs differ."""
    a, b = found.get(name), expected.get(name)
    if a is None or b is None or a.dtype != b.dtype or a.shape != b.shape or (a.isnan() != b.isnan()).any():
        return math.inf
    gap = (a.double() - b.double()).nan_to_num().abs().max().item()
    whole = expected[name.replace("margin_min", "logits")].double().nan_to_num().abs().max().item()
    return gap / whole if whole else gap


if __name__ == "__main__":
    main()
