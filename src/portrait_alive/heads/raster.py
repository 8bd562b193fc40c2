"""Compiled kernels: which triangle each sample sees, vertex normals, and shape mixing. One thread, no GIL."""

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.compiled import compiled
from portrait_alive.types import Float

NO_LASHES = np.array([0.0, 0.0, 0.5, 0.5], np.float32)
"""Lashes for `rasterise` that nobody sees."""
TWO_SIDED = 1
STRANDS = 2
FINE = 4
HIDDEN = 8

STRANDS_ACROSS = 7
"""Strands side by side in one ribbon."""


@compiled
def scrambled(cell: int) -> np.float32:
    """A repeatable number in [0, 1) for a whole number."""
    h = np.uint32(cell) * np.uint32(2654435761)
    h ^= h >> np.uint32(15)
    h *= np.uint32(2246822519)
    h ^= h >> np.uint32(13)
    return np.float32(h & np.uint32(0xFFFF)) * np.float32(1 / 65536)


@compiled
def strand_alpha(u: np.float32, v: np.float32, width: np.float32) -> bool:
    """True where a ribbon's strands are: u across (integer part: which ribbon), v from root 0 to tip 1.

    `width` is the strands' mean half width at the root as a share of their spacing: 0.5 and more closes the gaps.
    """
    across = u * np.float32(STRANDS_ACROSS)
    cell = int(across)
    h = scrambled(cell)
    length = np.float32(0.72) + np.float32(0.28) * h
    t = min(v / length, np.float32(1))
    width *= (np.float32(0.75) + np.float32(0.5) * scrambled(cell + 7919)) * (np.float32(1) - t * t * t)
    return bool(abs(across - cell - np.float32(0.5) - np.float32(0.25) * (h - np.float32(0.5))) < width)


@compiled
def lash_alpha(u: np.float32, v: np.float32, lashes: NDArray[np.float32]) -> np.float32:
    """Share of a sample that lashes cover: u across them, v from root 0 to tip 1, `lashes` as for `rasterise`."""
    across = u * np.float32(STRANDS_ACROSS)
    cell = int(across)
    h = scrambled(cell)
    t = v / (lashes[3] * (np.float32(0.7) + np.float32(0.5) * h))
    root = v / np.float32(0.16)
    line = lashes[0] * max(np.float32(0), np.float32(1) - root * root)
    if t >= np.float32(1):
        return np.float32(line)
    gap = abs(across - cell - np.float32(0.5) - np.float32(0.4) * (h - np.float32(0.5)))
    # lashes clump: some strands are heavy, some hardly there
    heavy = np.float32(0.4) + np.float32(0.9) * scrambled(cell + 7919)
    strand = lashes[1] * heavy * max(np.float32(0), np.float32(1) - gap / lashes[2]) * (np.float32(1) - t * t)
    return np.float32(min(np.float32(1), line + strand))


@compiled
def threshold(x: int, y: int) -> np.float32:
    """What a share of cover has to pass for the sample to count: evenly spread over every 4 x 4 samples."""
    a, b = (x ^ y) & 1, y & 1
    c, d = ((x ^ y) >> 1) & 1, (y >> 1) & 1
    return np.float32((a * 8 + b * 4 + c * 2 + d + 0.5) / 16)


@compiled
def rasterise(
    screen: NDArray[np.float32],
    faces: NDArray[np.int32],
    flags: NDArray[np.uint8],
    corner_uv: NDArray[np.float32],
    lashes: NDArray[np.float32],
    inverse_depth: NDArray[np.float32],
    triangle: NDArray[np.int32],
) -> None:
    """Write the nearest triangle of each sample into `triangle` (H, W) and 1 / depth into `inverse_depth` (H, W).

    screen: (N, 3) x, y in samples (centres at .5) and 1 / depth; faces: (T, 3); flags: (T,) of this module's bits;
    corner_uv: (T, 3, 2), read for triangles with strands only; lashes: (4,) cover of their line at the lid, of single
    lashes, half width of one as a share of their spacing, length. Partial cover takes a share of the samples.
    """
    height, width = triangle.shape
    half, zero, one = np.float32(0.5), np.float32(0), np.float32(1)
    for t in range(faces.shape[0]):
        flag = flags[t]
        if flag & 8:
            continue
        a, b, c = np.uint32(faces[t, 0]), np.uint32(faces[t, 1]), np.uint32(faces[t, 2])
        ax, ay = screen[a, 0] - half, screen[a, 1] - half
        bx, by = screen[b, 0] - half, screen[b, 1] - half
        cx, cy = screen[c, 0] - half, screen[c, 1] - half
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if flag & 1 == 0 and area >= zero:
            # y points down, so triangles that face the viewer turn counter-clockwise there
            continue
        x0 = max(int(np.ceil(min(ax, min(bx, cx)))), 0)
        x1 = min(int(np.floor(max(ax, max(bx, cx)))), width - 1)
        if x1 < x0:
            continue
        y0 = max(int(np.ceil(min(ay, min(by, cy)))), 0)
        y1 = min(int(np.floor(max(ay, max(by, cy)))), height - 1)
        if y1 < y0 or abs(area) < np.float32(1e-9):
            continue
        az, bz, cz = screen[a, 2], screen[b, 2], screen[c, 2]
        if az <= zero or bz <= zero or cz <= zero:
            continue
        inv = one / area
        # weights are linear in x and y: w = w at the box's corner + steps
        dx0, dy0 = (by - cy) * inv, (cx - bx) * inv
        dx1, dy1 = (cy - ay) * inv, (ax - cx) * inv
        fx, fy = np.float32(x0), np.float32(y0)
        row0 = ((bx - fx) * (cy - fy) - (by - fy) * (cx - fx)) * inv
        row1 = ((cx - fx) * (ay - fy) - (cy - fy) * (ax - fx)) * inv
        for y in range(y0, y1 + 1):
            w0, w1 = row0, row1
            for x in range(x0, x1 + 1):
                w2 = one - w0 - w1
                if w0 >= zero and w1 >= zero and w2 >= zero:
                    depth = w0 * az + w1 * bz + w2 * cz
                    if depth > inverse_depth[y, x]:
                        keep = True
                        if flag & 2:
                            u = w0 * corner_uv[t, 0, 0] + w1 * corner_uv[t, 1, 0] + w2 * corner_uv[t, 2, 0]
                            v = w0 * corner_uv[t, 0, 1] + w1 * corner_uv[t, 1, 1] + w2 * corner_uv[t, 2, 1]
                            if flag & 4:
                                keep = bool(lash_alpha(u, v, lashes) > threshold(x, y))
                            else:
                                keep = strand_alpha(u, v, np.float32(0.7))
                        if keep:
                            inverse_depth[y, x] = depth
                            triangle[y, x] = t
                w0 += dx0
                w1 += dx1
            row0 += dy0
            row1 += dy1


@compiled
def vertex_normals(vertices: NDArray[np.float32], faces: NDArray[np.int32], normals: NDArray[np.float32]) -> None:
    """Write area-weighted unit normals (N, 3) of `vertices` (N, 3) into `normals`."""
    normals[:] = 0.0
    for t in range(faces.shape[0]):
        a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i, 0] /= length
        normals[i, 1] /= length
        normals[i, 2] /= length


@compiled
def add_shapes(base: NDArray[np.float32], shapes: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
    """Add the weighted `shapes` (S, V, 3) to `base` (V, 3) in place; shapes of weight 0 cost nothing."""
    for s in range(shapes.shape[0]):
        w = weights[s]
        if w == 0.0:
            continue
        for i in range(base.shape[0]):
            base[i, 0] += w * shapes[s, i, 0]
            base[i, 1] += w * shapes[s, i, 1]
            base[i, 2] += w * shapes[s, i, 2]


@compiled
def bend(
    points: NDArray[np.float32],
    follow: NDArray[np.float32],
    turns: NDArray[np.float32],
    pivot: NDArray[np.float32],
    foot: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write `points` (N, 3) turned about `pivot` by a mix of `turns` (S + 1, 3, 3) into `out`; then add `foot`.

    follow: (N,) 0 takes the first turn, 1 the last, between them the two nearest are mixed.
    """
    steps = turns.shape[0] - 1
    for i in range(points.shape[0]):
        place = follow[i] * steps
        low = min(int(place), steps - 1)
        t = np.float32(place - low)
        s = np.float32(1) - t
        x, y, z = points[i, 0] - pivot[0], points[i, 1] - pivot[1], points[i, 2] - pivot[2]
        for k in range(3):
            first = turns[low, k, 0] * x + turns[low, k, 1] * y + turns[low, k, 2] * z
            second = turns[low + 1, k, 0] * x + turns[low + 1, k, 1] * y + turns[low + 1, k, 2] * z
            out[i, k] = s * first + t * second + foot[k]


@compiled
def shadowed(
    screen: NDArray[np.float32], nearness: NDArray[np.float32], slack: float, out: NDArray[np.float32]
) -> None:
    """Write into `out` (N,) the share of the 25 samples around each point that nothing lies nearer in.

    screen: (N, 3) x, y in samples and nearness, as seen from the lamp; nearness: (S, S) of the nearest surface.
    """
    size = nearness.shape[0]
    for n in range(screen.shape[0]):
        x, y = int(screen[n, 0]), int(screen[n, 1])
        if x < 2 or y < 2 or x >= size - 2 or y >= size - 2:
            out[n] = 1.0
            continue
        level = screen[n, 2] + slack
        free = 0
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                if nearness[y + dy, x + dx] <= level:
                    free += 1
        out[n] = free * np.float32(0.04)


@compiled
def pixel_surface(
    triangle: NDArray[np.int32],
    samples: int,
    screen: NDArray[np.float32],
    faces: NDArray[np.int32],
    layer: NDArray[np.uint8],
    out_triangle: NDArray[np.int32],
    out_weights: NDArray[np.float32],
    out_layer: NDArray[np.uint8],
    out_coverage: NDArray[np.uint8],
    matte: NDArray[np.uint8],
) -> None:
    """Per pixel: the triangle most of its samples see, perspective-true weights at the pixel's centre, labels.

    triangle: (H s, W s) of samples; layer: (T,) label of each triangle; matte: (labels,) column of `out_coverage`
    (H, W, 4) that a label counts for. Weights (H, W, 2) are of the first two corners.
    """
    height, width = out_triangle.shape
    counts = np.zeros(matte.shape[0], np.int32)
    cover = np.zeros(4, np.int32)
    total = samples * samples
    for y in range(height):
        for x in range(width):
            counts[:] = 0
            cover[:] = 0
            for j in range(samples):
                for i in range(samples):
                    t = triangle[y * samples + j, x * samples + i]
                    label = 0 if t < 0 else layer[t]
                    counts[label] += 1
                    cover[matte[label]] += 1
            best = 0
            for k in range(1, counts.shape[0]):
                if counts[k] > counts[best]:
                    best = k
            out_layer[y, x] = best
            for k in range(4):
                out_coverage[y, x, k] = (255 * cover[k] + total // 2) // total
            if best == 0:
                out_triangle[y, x] = -1
                continue
            centre = (samples - 1) * 0.5
            nearest = 1e9
            chosen = -1
            chosen_x, chosen_y = 0, 0
            for j in range(samples):
                for i in range(samples):
                    t = triangle[y * samples + j, x * samples + i]
                    if t >= 0 and layer[t] == best:
                        d = (i - centre) ** 2 + (j - centre) ** 2
                        if d < nearest:
                            nearest = d
                            chosen, chosen_x, chosen_y = t, i, j
            a, b, c = faces[chosen, 0], faces[chosen, 1], faces[chosen, 2]
            px, py = (x + 0.5) * samples, (y + 0.5) * samples
            ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
            cx, cy = screen[c, 0], screen[c, 1]
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
            w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
            if min(w0, min(w1, 1.0 - w0 - w1)) < -1.5:
                # a sliver seen edge-on would throw the centre far off: take the sample that saw it
                px, py = x * samples + chosen_x + 0.5, y * samples + chosen_y + 0.5
                w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
            w2 = 1.0 - w0 - w1
            q0, q1, q2 = w0 * screen[a, 2], w1 * screen[b, 2], w2 * screen[c, 2]
            q = q0 + q1 + q2
            out_triangle[y, x] = chosen
            out_weights[y, x, 0] = q0 / q
            out_weights[y, x, 1] = q1 / q


__all__ = [
    "NO_LASHES",
    "Float",
    "add_shapes",
    "bend",
    "pixel_surface",
    "rasterise",
    "scrambled",
    "shadowed",
    "strand_alpha",
    "vertex_normals",
]
