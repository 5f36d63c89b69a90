import numpy as np


def inputs(random, n, m):
    return {"a": random.random((n, m)) + np.eye(n, m)}


def gramschmidt(a):
    """a = q @ r by the modified Gram-Schmidt process: orthonormal columns, and an upper triangle."""
    a = a.copy()
    n, m = a.shape
    q, r = np.zeros((n, m)), np.zeros((m, m))
    for k in range(m):
        r[k, k] = np.sqrt(a[:, k] @ a[:, k])
        q[:, k] = a[:, k] / r[k, k]
        r[k, k + 1:] = q[:, k] @ a[:, k + 1:]
        a[:, k + 1:] -= np.outer(q[:, k], r[k, k + 1:])
    return q, r
