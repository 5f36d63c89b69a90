import numpy as np


def inputs(random, n):
    b = random.random((n, n))
    return {"a": b @ b.T + n * np.eye(n)}


def lu(a):
    """The factors of a = l @ u in one matrix, without pivoting; the ones of l's diagonal are not kept."""
    a = a.copy()
    for k in range(len(a)):
        a[k + 1:, k] /= a[k, k]
        a[k + 1:, k + 1:] -= np.outer(a[k + 1:, k], a[k, k + 1:])
    return a
