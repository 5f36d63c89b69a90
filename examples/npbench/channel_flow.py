import numpy as np


def inputs(random, ny, nx, nit):
    u, v, p = (random.random((ny, nx)) for _ in "uvp")
    return {"u": 1e-3 * u, "v": 1e-3 * v, "p": 0.1 * p, "dx": 2 / (nx - 1),
            "dy": 2 / (ny - 1), "dt": 0.1 / ((nx - 1) * (ny - 1)),
            "rho": 1.0, "nu": 0.1, "force": 1.0, "nit": nit}


def around(x):
    """One more column on each side, from the other side: the channel is periodic along its length."""
    return np.concatenate((x[:, -1:], x, x[:, :1]), axis=1)


def sources(u, v, dx, dy, dt, rho):
    """What drives the pressure: the divergence of the velocity and of its products."""
    wide_u, wide_v = around(u), around(v)
    du_dx = (wide_u[1:-1, 2:] - wide_u[1:-1, :-2]) / (2 * dx)
    dv_dx = (wide_v[1:-1, 2:] - wide_v[1:-1, :-2]) / (2 * dx)
    du_dy = (u[2:] - u[:-2]) / (2 * dy)
    dv_dy = (v[2:] - v[:-2]) / (2 * dy)
    return rho * ((du_dx + dv_dy) / dt - du_dx ** 2 - 2 * du_dy * dv_dx - dv_dy ** 2)


def pressure(p, source, dx, dy, nit):
    """nit Jacobi steps of Poisson's equation; no change of pressure across the walls."""
    p = p.copy()
    scale = 2 * (dx ** 2 + dy ** 2)
    for _ in range(nit):
        wide = around(p)
        p[1:-1] = ((wide[1:-1, 2:] + wide[1:-1, :-2]) * dy ** 2 + (p[2:] + p[:-2]) * dx ** 2
                   - dx ** 2 * dy ** 2 * source) / scale
        p[0] = p[1]
        p[-1] = p[-2]
    return p


def moved(x, u, v, dx, dy, dt, nu):
    """One component of the velocity, carried by the flow and diffused, in the rows between the walls."""
    wide = around(x)
    west, here, east = wide[1:-1, :-2], x[1:-1], wide[1:-1, 2:]
    south, north = x[:-2], x[2:]
    carried = u[1:-1] * (here - west) / dx + v[1:-1] * (here - south) / dy
    diffused = (east - 2 * here + west) / dx ** 2 + (north - 2 * here + south) / dy ** 2
    return here - dt * carried + dt * nu * diffused


def channel_flow(u, v, p, dx, dy, dt, rho, nu, force, nit):
    """Flow in a channel between two walls, driven by a force, until a step changes it by a thousandth."""
    change, steps = 1.0, 0
    while change > 0.001:
        p = pressure(p, sources(u, v, dx, dy, dt, rho), dx, dy, nit)
        wide = around(p)
        next_u, next_v = np.zeros_like(u), np.zeros_like(v)
        next_u[1:-1] = (moved(u, u, v, dx, dy, dt, nu)
                        - dt / (2 * rho * dx) * (wide[1:-1, 2:] - wide[1:-1, :-2]) + force * dt)
        next_v[1:-1] = moved(v, u, v, dx, dy, dt, nu) - dt / (2 * rho * dy) * (p[2:] - p[:-2])
        change = (next_u.sum() - u.sum()) / next_u.sum()
        u, v, steps = next_u, next_v, steps + 1
    return u, v, p, steps
