import numpy as np


def inputs(random, nx, ny, nz):
    """Widths and depths are positive, water is where the masks are 1, and a column begins at the level kbot - 1."""
    def field(*shape):
        return random.standard_normal(shape)

    def width(n):
        return 1 + random.random(n)
    return {"u": field(nx, ny, nz, 3), "v": field(nx, ny, nz, 3), "w": field(nx, ny, nz, 3)} | {
        name: (random.random((nx, ny, nz)) < 0.8).astype(float) for name in ("mask_u", "mask_v", "mask_w")} | {
        "dxt": width(nx), "dxu": width(nx), "dyt": width(ny), "dyu": width(ny), "dzt": width(nz), "dzw": width(nz),
        "cost": width(ny), "cosu": width(ny), "kbot": random.integers(0, nz, (nx, ny)),
        "kappa": random.random((nx, ny, nz)), "mixing_length": 1 + random.random((nx, ny, nz)),
        "forcing": field(nx, ny, nz), "surface_forcing": field(nx, ny),
        "tke": field(nx, ny, nz, 3), "dtke": field(nx, ny, nz, 3)}


def solve_columns(a, b, c, d):
    """Solves a tridiagonal system along the last axis (Thomas): a below, b on and c above the diagonal."""
    c, d = c.copy(), d.copy()
    nz = d.shape[2]
    c[:, :, 0] /= b[:, :, 0]
    d[:, :, 0] /= b[:, :, 0]
    for k in range(1, nz):
        pivot = b[:, :, k] - a[:, :, k] * c[:, :, k - 1]
        c[:, :, k] /= pivot
        d[:, :, k] = (d[:, :, k] - a[:, :, k] * d[:, :, k - 1]) / pivot
    for k in range(nz - 2, -1, -1):
        d[:, :, k] -= c[:, :, k] * d[:, :, k + 1]
    return d


def mixed(tke, floor, kappa, mixing_length, forcing, surface_forcing, dzt, depth, dt, kept):
    """Vertical mixing and dissipation, implicit in time; land keeps what `kept` says."""
    nx, ny, nz = tke.shape
    level = np.arange(nz)
    water = (floor >= 0)[:, :, np.newaxis] & (level >= floor[:, :, np.newaxis])
    bottom = water & (level == floor[:, :, np.newaxis])
    flow = np.zeros((nx, ny, nz))
    flow[:, :, :-1] = dt / dzt[1:] * 0.5 * (kappa[:, :, :-1] + kappa[:, :, 1:])
    below = np.zeros((nx, ny, nz))
    below[:, :, 1:] = flow[:, :, :-1]
    loss = dt * 0.7 * np.sqrt(np.maximum(tke, 0)) / mixing_length
    a = np.where(water & ~bottom, -below / depth, 0.0)
    b = np.where(water, 1 + (flow + np.where(bottom, 0.0, below)) / depth + loss, 1.0)
    c = np.where(water, -flow / depth, 0.0)
    d = tke + dt * forcing
    d[:, :, -1] += dt * surface_forcing / depth[-1]
    solved = solve_columns(a, b, c, np.where(water, d, 0.0))
    return np.where(water, solved, kept)


def superbee(velocity, x, mask, width, dt):
    """The flux through the faces along the first axis, limited by Roe's superbee; two cells on each side are a halo."""
    step = (x[1:] - x[:-1]) * mask
    before, here, after = step[:-2], step[1:-1], step[2:]
    ratio = np.where(velocity > 0, before, after) / np.where(np.abs(here) < 1e-20, 1e-20, here)
    limit = np.maximum(0, np.maximum(np.minimum(1, 2 * ratio), np.minimum(2, ratio)))
    courant = np.abs(velocity * dt / width)
    return velocity * (x[1:-2] + x[2:-1]) * 0.5 - np.abs(velocity) * (1 - limit + courant * limit) * here * 0.5


def turbulent_kinetic_energy(u, v, w, mask_u, mask_v, mask_w, dxt, dxu, dyt, dyu, dzt, dzw, cost, cosu, kbot,
                             kappa, mixing_length, forcing, surface_forcing, tke, dtke):
    """A step of the turbulent kinetic energy of an ocean model: mixing, dissipation, diffusion, advection.

    The last axis of a field of four axes is time: now, after, and before. Two cells on each side are a halo."""
    now, after, before = 0, 1, 2
    dt, diffusivity = 1.0, 2000.0
    energy = tke[..., now]
    nx, ny, nz = energy.shape
    inner = np.s_[2:-2, 2:-2]
    depth = dzw.copy()
    depth[-1] *= 0.5

    tke, dtke = tke.copy(), dtke.copy()
    new = mixed(energy[inner], kbot[inner] - 1, kappa[inner], mixing_length[inner], forcing[inner],
                surface_forcing[inner], dzt, depth, dt, tke[2:-2, 2:-2, :, after])

    # The surface gives back what it has drained.
    top = new[:, :, -1]
    correction = np.zeros((nx, ny))
    correction[inner] = np.maximum(-top, 0) * depth[-1] / dt
    new[:, :, -1] = np.maximum(top, 0)

    # Diffusion between the columns.
    breadth = cost[:, np.newaxis]
    east = diffusivity * (energy[1:] - energy[:-1]) / (breadth * dxu[:-1, np.newaxis, np.newaxis]) * mask_u[:-1]
    north = (diffusivity * (energy[:, 1:] - energy[:, :-1]) * (cosu / dyu)[:-1, np.newaxis] * mask_v[:, :-1])
    areas_x = cost[2:-2, np.newaxis] * dxt[2:-2, np.newaxis, np.newaxis]
    areas_y = (cost * dyt)[2:-2, np.newaxis]
    new += dt * mask_w[inner] * ((east[2:-1, 2:-2] - east[1:-2, 2:-2]) / areas_x
                                 + (north[2:-2, 2:-1] - north[2:-2, 1:-2]) / areas_y)
    tke[2:-2, 2:-2, :, after] = new

    # Advection.
    wide = np.pad(energy[inner], ((0, 0), (0, 0), (1, 1)))
    wide_mask = np.pad(mask_w[inner], ((0, 0), (0, 0), (1, 1)))
    east = superbee(u[1:-2, 2:-2, :, now], energy[:, 2:-2], mask_w[1:, 2:-2] * mask_w[:-1, 2:-2],
                    breadth[2:-2] * dxt[1:-2, np.newaxis, np.newaxis], dt)
    north = superbee((v[2:-2, 1:-2, :, now] * cosu[1:-2, np.newaxis]).swapaxes(0, 1), energy[2:-2].swapaxes(0, 1),
                     (mask_w[2:-2, 1:] * mask_w[2:-2, :-1]).swapaxes(0, 1),
                     (cost * dyt)[1:-2, np.newaxis, np.newaxis], dt).swapaxes(0, 1)
    up = superbee(np.moveaxis(w[2:-2, 2:-2, :-1, now], 2, 0), np.moveaxis(wide, 2, 0),
                  np.moveaxis(wide_mask[:, :, 1:] * wide_mask[:, :, :-1], 2, 0),
                  dzw[:-1, np.newaxis, np.newaxis], dt)
    up = np.moveaxis(np.pad(up, ((1, 1), (0, 0), (0, 0))), 0, 2)
    # What does not flow through the halo keeps its tendency.
    tendency = dtke[..., now].copy()
    tendency[inner] = -mask_w[inner] * ((east[1:] - east[:-1]) / areas_x + (north[:, 1:] - north[:, :-1]) / areas_y)
    tendency[inner] -= (up[:, :, 1:] - up[:, :, :-1]) / depth
    dtke[..., now] = tendency

    # Adams and Bashforth's step of time.
    tke[..., after] += dt * (1.6 * tendency - 0.6 * dtke[..., before])
    return tke, dtke, correction
