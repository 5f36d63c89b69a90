import numpy as np


def inputs(random, ni, nj, nk, nl, nm):
    return {"a": random.random((ni, nk)), "b": random.random((nk, nj)),
            "c": random.random((nj, nm)), "d": random.random((nm, nl))}


def k3mm(a, b, c, d):
    """Three matrix products."""
    return (a @ b) @ (c @ d)
