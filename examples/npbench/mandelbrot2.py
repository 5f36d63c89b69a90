import numpy as np


def inputs(random, xn, yn, limit):
    return {"xmin": -2.0 + 0.1 * random.random(), "xmax": 0.5, "xn": xn,
            "ymin": -1.25, "ymax": 1.25 + 0.1 * random.random(), "yn": yn, "limit": limit, "horizon": 2.0}


def mandelbrot2(xmin, xmax, xn, ymin, ymax, yn, limit, horizon):
    """For each point: where it leaves the disk, and after how many steps; 0 and 0 where it stays.

    The points that are still inside are kept in arrays that shrink."""
    x, y = np.linspace(xmin, xmax, xn), np.linspace(ymin, ymax, yn)
    c = (x + 1j * y[:, np.newaxis]).ravel()
    where_out, steps = np.zeros(xn * yn, dtype=complex), np.zeros(xn * yn, dtype=int)
    inside = np.arange(xn * yn)
    z = np.zeros_like(c)
    for step in range(1, limit + 1):
        z = z * z + c
        out = abs(z) > horizon
        where_out[inside[out]] = z[out]
        steps[inside[out]] = step
        inside, z, c = inside[~out], z[~out], c[~out]
    return where_out.reshape(yn, xn), steps.reshape(yn, xn)
