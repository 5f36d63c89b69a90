import numpy as np


def inputs(random, ni, nj, nk):
    fields = {name: random.random((ni, nj, nk)) for name in ("utens_stage", "u_stage")}
    more = {name: random.random((ni, nj, nk)) for name in ("u_pos", "utens")}
    return fields | {"wcon": 0.2 * random.random((ni + 1, nj, nk))} | more | {"dtr_stage": 3 / 20}


def solve_columns(a, b, c, d):
    """Solves a tridiagonal system along the last axis (Thomas): a below, b on and c above the diagonal."""
    c, d = c.copy(), d.copy()
    nk = d.shape[2]
    c[:, :, 0] /= b[:, :, 0]
    d[:, :, 0] /= b[:, :, 0]
    for k in range(1, nk):
        pivot = b[:, :, k] - a[:, :, k] * c[:, :, k - 1]
        c[:, :, k] /= pivot
        d[:, :, k] = (d[:, :, k] - a[:, :, k] * d[:, :, k - 1]) / pivot
    for k in range(nk - 2, -1, -1):
        d[:, :, k] -= c[:, :, k] * d[:, :, k + 1]
    return d


def vadv(utens_stage, u_stage, wcon, u_pos, utens, dtr_stage):
    """Vertical advection of a weather model, implicit in time: a tridiagonal system in each column."""
    wind = 0.25 * (wcon[1:] + wcon[:-1])
    a, c = np.zeros_like(u_pos), np.zeros_like(u_pos)
    a[:, :, 1:] = -0.5 * wind[:, :, 1:]
    c[:, :, :-1] = 0.5 * wind[:, :, 1:]
    difference = u_stage[:, :, 1:] - u_stage[:, :, :-1]
    d = dtr_stage * u_pos + utens + utens_stage
    d[:, :, 1:] += a[:, :, 1:] * difference
    d[:, :, :-1] -= c[:, :, :-1] * difference
    return dtr_stage * (solve_columns(a, dtr_stage - a - c, c, d) - u_pos)
