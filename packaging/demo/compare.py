#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are the weights in these two files the same, to the last bit? Prints both SHA-256; exit 0 or 1."""
import hashlib
import sys

import torch


def sha256_of_weights(path):
    """Over the names, types, shapes and bytes of all tensors, in the order of the model."""
    sha = hashlib.sha256()
    for name, tensor in torch.load(path).items():
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.contiguous().numpy().tobytes())
    return sha.hexdigest()


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: compare.py FILE FILE")
    sums = [sha256_of_weights(path) for path in sys.argv[1:]]
    for path, value in zip(sys.argv[1:], sums):
        print(f"{value}  {path}")
    sys.exit(0 if sums[0] == sums[1] else 1)


if __name__ == "__main__":
    main()
