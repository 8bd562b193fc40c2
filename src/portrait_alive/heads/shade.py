"""The compiled kernel that turns what each sample sees into light."""

import numpy as np
from numpy.typing import NDArray

from portrait_alive.heads.compiled import compiled
from portrait_alive.heads.raster import STRANDS_ACROSS, scrambled


@compiled
def hashed(a: float) -> float:
    """A repeatable number in [0, 1) for `a`."""
    h = np.sin(a * 12.9898) * 43758.547
    return float(h - np.floor(h))


@compiled
def catchlight(x: float, y: float, shape: NDArray[np.float32]) -> float:
    """How much of a window or lamp is mirrored where the eye mirrors what lies at `x`, `y` (sines), 0..1.

    shape: (6,) x, y of its middle, half width, half height, brightness, 1 window with a bar, 2 ring, 3 round.
    """
    dx, dy = (x - shape[0]) / shape[2], (y - shape[1]) / shape[3]
    if shape[5] == 1.0:
        edge = min(1.0 - abs(dx), 1.0 - abs(dy)) * 5.0
        return float(min(max(edge, 0.0), 1.0) * (0.25 if abs(dx) < 0.12 else 1.0))
    far = np.sqrt(dx * dx + dy * dy)
    if shape[5] == 2.0:
        return float(max(0.0, 1.0 - abs(far - 0.85) * 5.0))
    return float(min(max((1.0 - far) * 3.0, 0.0), 1.0))


@compiled
def shade(
    triangle: NDArray[np.int32],
    samples: int,
    screen: NDArray[np.float32],
    faces: NDArray[np.int32],
    kind: NDArray[np.uint8],
    corner_uv: NDArray[np.float32],
    normals: NDArray[np.float32],
    rest: NDArray[np.float32],
    albedo: NDArray[np.float32],
    occlusion: NDArray[np.float32],
    lit: NDArray[np.float32],
    view: NDArray[np.float32],
    detail: NDArray[np.uint8],
    detail_of: NDArray[np.int32],
    surface: NDArray[np.float32],
    ambient: NDArray[np.float32],
    lights: NDArray[np.float32],
    eyes: NDArray[np.float32],
    eye_colours: NDArray[np.float32],
    catch: NDArray[np.float32],
    mouth: NDArray[np.float32],
    paint: NDArray[np.uint8],
    creases: NDArray[np.uint8],
    folded: NDArray[np.float32],
    painted: int,
    tone: NDArray[np.float32],
    levels: float,
    grouped: bool,
    picture: NDArray[np.uint8],
) -> None:
    """Draw what the samples see over `picture` (H, W, 3), uint8 sRGB, which holds the background.

    Axes of `normals` (N, 3) and of light directions: x right, y down, z away from the viewer.

    occlusion, lit: (N,) share of the surrounding light and of the first lamp's that reaches a vertex.
    detail: (D, S, S, 3) uint8, 128 leaves the colour as it is; detail_of: (kinds,) row for each kind.
    surface: (kinds, 4) specular strength, exponent, detail strength, wrap.
    ambient: (4, 3) constant and linear terms of the surrounding light. lights: (K, 6) direction to the light, RGB.
    eyes: (2, 12) centre at rest, iris radius, pupil radius, sine and cosine of the gaze's pitch, height of the upper
    lid above the eye's centre, its fall per squared unit sideways, direction of the gaze in the axes of `normals`;
    by side x < 0, x > 0. catch: (6,) see `catchlight`.
    eye_colours: (4, 3) sclera, outer iris, inner iris, limbus. mouth: (4,) depth at which the dark begins,
    its falloff, light let in by the open lips, how dark the teeth get towards the corners.
    paint, creases: (S, S, 4) maps of the neutral face for the first `painted` triangles; folded: (2, 4) how deep
    each channel of `creases` is where x < 0 and x > 0. tone: (3, 4) map of the light that leaves the surface.
    levels: steps of light for a drawn look, 0 for none. grouped: shade once for a pixel's samples of one kind.
    """
    height, width = picture.shape[:2]
    size = detail.shape[1]
    side_texels = paint.shape[0]
    total = 1.0 / (samples * samples)
    colour = np.zeros(3, np.float32)
    out = np.zeros(3, np.float32)
    taken = np.zeros(surface.shape[0], np.int32)
    last = np.zeros((surface.shape[0], 3), np.float32)
    for y in range(height):
        for x in range(width):
            seen = 0
            taken[:] = 0
            out[0] = 0.0
            out[1] = 0.0
            out[2] = 0.0
            for j in range(samples):
                for i in range(samples):
                    t = triangle[y * samples + j, x * samples + i]
                    if t < 0:
                        continue
                    seen += 1
                    k = kind[t]
                    if grouped:
                        # shade once for all of a pixel's samples of one kind (hair: of one row)
                        if taken[k] > 0 and (k != 4 or i > 0):
                            for q in range(3):
                                out[q] += last[k, q]
                            continue
                        taken[k] = 1
                    a, b, c = faces[t, 0], faces[t, 1], faces[t, 2]
                    px, py = x * samples + i + 0.5, y * samples + j + 0.5
                    ax, ay = screen[a, 0], screen[a, 1]
                    bx, by = screen[b, 0], screen[b, 1]
                    cx, cy = screen[c, 0], screen[c, 1]
                    inv = 1.0 / ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
                    w0 = ((bx - px) * (cy - py) - (by - py) * (cx - px)) * inv
                    w1 = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) * inv
                    w2 = 1.0 - w0 - w1
                    nx = w0 * normals[a, 0] + w1 * normals[b, 0] + w2 * normals[c, 0]
                    ny = w0 * normals[a, 1] + w1 * normals[b, 1] + w2 * normals[c, 1]
                    nz = w0 * normals[a, 2] + w1 * normals[b, 2] + w2 * normals[c, 2]
                    length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
                    nx /= length
                    ny /= length
                    nz /= length
                    if k >= 4 and nz > 0.0:
                        nx, ny, nz = -nx, -ny, -nz
                    u = w0 * corner_uv[t, 0, 0] + w1 * corner_uv[t, 1, 0] + w2 * corner_uv[t, 2, 0]
                    v = w0 * corner_uv[t, 0, 1] + w1 * corner_uv[t, 1, 1] + w2 * corner_uv[t, 2, 1]
                    for q in range(3):
                        colour[q] = w0 * albedo[a, q] + w1 * albedo[b, q] + w2 * albedo[c, q]
                    shadow = w0 * occlusion[a] + w1 * occlusion[b] + w2 * occlusion[c]
                    reach = w0 * lit[a] + w1 * lit[b] + w2 * lit[c]
                    gloss = surface[k, 0]
                    sharp = surface[k, 1]
                    mirrored = 0.0
                    if k == 1:
                        side = 0 if rest[a, 0] < 0.0 else 1
                        ex = w0 * rest[a, 0] + w1 * rest[b, 0] + w2 * rest[c, 0] - eyes[side, 0]
                        ey = w0 * rest[a, 1] + w1 * rest[b, 1] + w2 * rest[c, 1] - eyes[side, 1]
                        ez = w0 * rest[a, 2] + w1 * rest[b, 2] + w2 * rest[c, 2] - eyes[side, 2]
                        r = np.sqrt(ex * ex + ey * ey)
                        iris, pupil = eyes[side, 3], eyes[side, 4]
                        # the upper lid and its lashes shade the top of the ball
                        high = ey * eyes[side, 6] + ez * eyes[side, 5]
                        below = eyes[side, 7] - eyes[side, 8] * ex * ex - high
                        open_share = min(1.0, max(0.0, below / 0.6))
                        dim = 0.22 + 0.78 * open_share * (1.0 - 0.22 * min(1.0, ex * ex / 1.4))
                        shadow = dim
                        reach *= dim
                        if r < iris * 1.1 and ez > 0.0:
                            # the cornea is rounder than the ball
                            ax, ay, az = eyes[side, 9], eyes[side, 10], eyes[side, 11]
                            along = nx * ax + ny * ay + nz * az
                            nx = 1.5 * nx - 0.5 * along * ax
                            ny = 1.5 * ny - 0.5 * along * ay
                            nz = 1.5 * nz - 0.5 * along * az
                            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
                            nx /= length
                            ny /= length
                            nz /= length
                            if catch[5] > 0.0:
                                mirrored = catchlight(-2.0 * nz * nx, -2.0 * nz * ny, catch)
                                mirrored *= catch[4] * min(1.0, max(0.0, below / 0.2))
                        if ez > 0.0 and r < iris:
                            if r < pupil:
                                for q in range(3):
                                    colour[q] = 0.004
                            else:
                                angle = np.arctan2(ey, ex)
                                f = (r - pupil) / (iris - pupil)
                                spoke = hashed(np.floor(angle * 14.0) + side * 50.0)
                                spoke2 = hashed(np.floor(angle * 31.0 + 3.0 * f))
                                m = 0.65 + 0.35 * spoke + 0.3 * (spoke2 - 0.5)
                                edge = max(0.0, (r / iris - 0.68) / 0.32)
                                for q in range(3):
                                    base = eye_colours[2, q] + (eye_colours[1, q] - eye_colours[2, q]) * min(
                                        1.0, f * 1.3
                                    )
                                    base *= m * (0.75 + 0.5 * f)
                                    colour[q] = base + (eye_colours[3, q] - base) * edge * edge
                        else:
                            ring = min(1.0, max(0.0, (r - iris) / 0.13))
                            red = min(1.0, max(0.0, (r - 0.65) / 0.75))
                            for q in range(3):
                                base = eye_colours[0, q] * (1.0 - (0.22 if q == 0 else 0.48) * red)
                                colour[q] = eye_colours[3, q] + (base - eye_colours[3, q]) * (0.35 + 0.65 * ring)
                    elif k == 2 or k == 3:
                        rz = w0 * rest[a, 2] + w1 * rest[b, 2] + w2 * rest[c, 2]
                        deep = max(0.0, mouth[0] - rz)
                        shadow *= np.exp(-deep * mouth[1]) * mouth[2]
                        if k == 2:
                            far = abs(w0 * rest[a, 0] + w1 * rest[b, 0] + w2 * rest[c, 0])
                            far = min(1.0, max(0.0, (far - 0.7) / 2.0))
                            shadow *= 1.0 - mouth[3] * far
                            reach *= shadow
                    else:
                        d = detail_of[k]
                        strength = surface[k, 2]
                        if d >= 0 and strength > 0.0:
                            fu = (u - np.floor(u)) * size
                            fv = (v - np.floor(v)) * size
                            iu, iv = int(fu), int(fv)
                            tu, tv = fu - iu, fv - iv
                            iu, iv = iu % size, iv % size
                            ju, jv = (iu + 1) % size, (iv + 1) % size
                            for q in range(3):
                                first = detail[d, iv, iu, q] * (1.0 - tu) + detail[d, iv, ju, q] * tu
                                second = detail[d, jv, iu, q] * (1.0 - tu) + detail[d, jv, ju, q] * tu
                                mixed = (first * (1.0 - tv) + second * tv) / 128.0
                                colour[q] *= 1.0 + strength * (mixed - 1.0)
                        if t < painted and k == 0:
                            rx = w0 * rest[a, 0] + w1 * rest[b, 0] + w2 * rest[c, 0]
                            ry = w0 * rest[a, 1] + w1 * rest[b, 1] + w2 * rest[c, 1]
                            rz = w0 * rest[a, 2] + w1 * rest[b, 2] + w2 * rest[c, 2]
                            fu = (rx + 10.0) * (side_texels / 20.0) - 0.5
                            fv = (11.0 - ry) * (side_texels / 20.0) - 0.5
                            near = min(1.0, (rz - 3.0) * 0.5)
                            if near > 0.0 and fu >= 0.0 and fv >= 0.0 and fu < side_texels - 1 and fv < side_texels - 1:
                                iu, iv = int(fu), int(fv)
                                tu, tv = fu - iu, fv - iv
                                b0, b1 = (1.0 - tu) * (1.0 - tv), tu * (1.0 - tv)
                                b2, b3 = (1.0 - tu) * tv, tu * tv
                                half = 0 if rx < 0.0 else 1
                                fold = 1.0
                                for q in range(4):
                                    deep = folded[half, q]
                                    if deep > 0.02:
                                        relief = (
                                            b0 * creases[iv, iu, q]
                                            + b1 * creases[iv, iu + 1, q]
                                            + b2 * creases[iv + 1, iu, q]
                                            + b3 * creases[iv + 1, iu + 1, q]
                                        )
                                        fold -= 0.62 * deep * (relief - 128.0) / 128.0
                                for q in range(4):
                                    mixed = (
                                        b0 * paint[iv, iu, q]
                                        + b1 * paint[iv, iu + 1, q]
                                        + b2 * paint[iv + 1, iu, q]
                                        + b3 * paint[iv + 1, iu + 1, q]
                                    )
                                    if q == 3:
                                        wet = mixed / 64.0
                                        gloss *= 1.0 + near * (wet - 1.0)
                                        sharp *= max(1.0, 0.6 * wet)
                                    else:
                                        colour[q] *= 1.0 + near * (
                                            mixed / 128.0 * (fold if q == 0 else fold * fold) - 1.0
                                        )
                        if k == 4:
                            strand = scrambled(int(u * STRANDS_ACROSS))
                            for q in range(3):
                                colour[q] *= 0.7 + 0.6 * strand
                            gloss *= 0.3 + 1.4 * strand
                    wrap = surface[k, 3]
                    s = 0.0
                    for q in range(3):
                        e = ambient[0, q] + ambient[1, q] * nx + ambient[2, q] * ny + ambient[3, q] * nz
                        if e < 0.0:
                            e = 0.0
                        e *= shadow
                        for m in range(lights.shape[0]):
                            # red light travels farther under skin: it wraps around more
                            w = wrap * (1.0 if q == 0 else (0.45 if q == 1 else 0.3))
                            dot = nx * lights[m, 0] + ny * lights[m, 1] + nz * lights[m, 2]
                            dot = (dot + w) / (1.0 + w)
                            if dot > 0.0:
                                e += dot * lights[m, 3 + q] * (reach if m == 0 else 0.4 + 0.6 * shadow)
                        if levels > 0.0:
                            e = np.floor(e * levels + 0.5) / levels * 0.8 + 0.2 * e
                        colour[q] *= e
                    if gloss > 0.0:
                        for m in range(lights.shape[0]):
                            hx = lights[m, 0] + view[0]
                            hy = lights[m, 1] + view[1]
                            hz = lights[m, 2] + view[2]
                            norm = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
                            dot = (nx * hx + ny * hy + nz * hz) / norm
                            if dot > 0.3:
                                s = gloss * np.exp(sharp * np.log(dot)) * (reach if m == 0 else shadow)
                                for q in range(3):
                                    colour[q] += s * lights[m, 3 + q]
                    for q in range(3):
                        colour[q] += mirrored * (ambient[0, q] + 0.3 * lights[0, 3 + q])
                        last[k, q] = colour[q]
                        out[q] += colour[q]
            share = seen * total
            for q in range(3):
                value = 0.0
                if seen > 0:
                    value = tone[q, 0] * out[0] + tone[q, 1] * out[1] + tone[q, 2] * out[2]
                    value = max(value * total / share + tone[q, 3], 0.0)
                    if value > 0.7:
                        value = 0.7 + 0.3 * np.tanh((value - 0.7) / 0.6)
                    value = np.sqrt(value) * 255.0 * share
                value += picture[y, x, q] * (1.0 - share) + 0.5
                picture[y, x, q] = np.uint8(min(value, 255.0))
