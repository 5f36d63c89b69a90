import numpy as np


def inputs(random, r, q, p):
    return {"a": random.random((r, q, p)), "c4": random.random((p, p))}


def doitgen(a, c4):
    """Every vector of a block of vectors times a matrix (a kernel of multiresolution analysis)."""
    return (a.reshape(-1, a.shape[2]) @ c4).reshape(a.shape)
