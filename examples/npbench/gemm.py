import numpy as np


def inputs(random, n, k, m):
    return {"alpha": 1.5, "beta": 1.2, "c": random.random((n, m)),
            "a": random.random((n, k)), "b": random.random((k, m))}


def gemm(alpha, beta, c, a, b):
    """The matrix product of BLAS, with its two factors."""
    return alpha * (a @ b) + beta * c
