#!/usr/bin/env python3
"""numpy.npz and numpy_deflated.npz: arrays as NumPy writes them; images.h5: what Pillow decodes and resizes.
README.md tells how the files are laid out.

    python3 -m venv venv && venv/bin/pip install h5py==3.14.0 numpy==2.4.6 pillow==13.0.0
    venv/bin/python make_arrays.py
"""

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import PIL
from PIL import Image

HERE = Path(__file__).parent


def small(shape, type, order="C"):
    """Value i, counted in C order, is 37 i mod 101 - 50 (unsigned: mod 101; bool: mod 2), halved for floats."""
    i = np.arange(np.prod(shape), dtype=np.int64) * 37 % 101
    kind = np.dtype(type).kind
    values = i % 2 if kind == "b" else i if kind == "u" else i - 50 if kind == "i" else (i - 50) / 2
    return np.asarray(values.reshape(shape).astype(type), order=order)


def patterns(type):
    """Bit patterns all over: i times an odd number, in whole words. Subnormals, infinities and NaNs are among them."""
    word = np.dtype(type).newbyteorder("=").str.replace("f", "u")
    bits = np.arange(999, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = (bits >> np.uint64(64 - 8 * np.dtype(type).itemsize)).astype(word)
    bits[:4] = [1, 0x7F if np.dtype(type).itemsize == 1 else np.iinfo(word).max, 0, np.iinfo(word).max // 2 + 1]
    return bits.view(np.dtype(type).newbyteorder("=")).astype(type).reshape(333, 3)


def arrays():
    out = {}
    for type in ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]:
        for name, order in [("little", "<"), ("big", ">")]:
            out[f"{np.dtype(type).name}_{name}"] = small((5, 2, 3), order + type)
    for shape in [(7,), (7, 1), (4, 3), (5, 2, 3), (3, 2, 4, 5)]:
        out["fortran_" + "x".join(map(str, shape))] = small(shape, "<i2", "F")
    out["fortran_big"] = small((6, 4, 2), ">f8", "F")
    for type in ["f4", "f8"]:
        out[f"bits_{type}_little"] = patterns("<" + type)
        out[f"bits_{type}_big"] = patterns(">" + type)
    out["complex"] = np.zeros(2, "c8")
    out["texts"] = np.array(["a", "bc"])
    out["bytes"] = np.array([b"a", b"bc"])
    out["times"] = np.zeros(2, "M8[s]")
    out["records"] = np.zeros(2, [("a", "i4"), ("b", "f4")])
    out["objects"] = np.array([{}, None], dtype=object)
    out["scalar"] = np.array(3.5)
    out["empty"] = np.zeros((3, 0), "f4")
    out["long"] = np.zeros(2, np.longdouble)
    out["x"] = small((9, 2, 2), "u1")
    out["y"] = small((9,), "i8")
    return out


def stamped(archive, name, data, compression):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    archive.writestr(info, data, compression)


def write_archives():
    """As numpy.savez and numpy.savez_compressed write them; then without times, and with the other header versions."""
    for path, save, compression in [("numpy.npz", np.savez, zipfile.ZIP_STORED),
                                    ("numpy_deflated.npz", np.savez_compressed, zipfile.ZIP_DEFLATED)]:
        buffer = io.BytesIO()
        save(buffer, **(arrays() if save is np.savez else {k: arrays()[k] for k in ["x", "y", "fortran_5x2x3"]}))
        with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(HERE / path, "w") as out:
            for info in source.infolist():
                stamped(out, info.filename, source.read(info), compression)
            for version in [(2, 0), (3, 0)] if save is np.savez else []:
                member = io.BytesIO()
                np.lib.format.write_array(member, small((5, 2, 3), "<f4"), version=version)
                stamped(out, f"version_{version[0]}.npy", member.getvalue(), compression)


def encoded(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def picture(rng, height, width, channels):
    """Smooth waves and some noise, so that neither JPEG nor resizing is trivial."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin(x / (3 + c) + y / 7 + c) * np.cos(y / (5 - c)) for c in range(channels)]
    noisy = np.stack(planes, -1) + rng.normal(0, 12, (height, width, channels))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def image_cases():
    rng = np.random.default_rng(20240611)
    gray = Image.fromarray(picture(rng, 23, 31, 1)[:, :, 0], "L")
    rgb = Image.fromarray(picture(rng, 29, 37, 3), "RGB")
    palette = rgb.quantize(40)
    with_alpha = rgb.copy()
    with_alpha.putalpha(255)
    pierced = with_alpha.copy()
    pierced.putpixel((11, 7), (1, 2, 3, 254))
    gray_alpha = gray.copy()
    gray_alpha.putalpha(255)
    cases = {
        "png_gray": encoded(gray, "PNG"),
        "png_gray1": encoded(gray.convert("1"), "PNG"),
        "png_rgb": encoded(rgb, "PNG"),
        "png_palette": encoded(palette, "PNG"),
        "png_palette2": encoded(rgb.quantize(3), "PNG", bits=2),
        "png_rgba": encoded(with_alpha, "PNG"),
        "png_gray_alpha": encoded(gray_alpha, "PNG"),
        "jpeg_gray": encoded(gray, "JPEG", quality=80),
        "jpeg_rgb": encoded(rgb, "JPEG", quality=90, subsampling=0),
        "jpeg_422": encoded(rgb, "JPEG", quality=75, subsampling=1),
        "jpeg_420": encoded(rgb, "JPEG", quality=60, subsampling=2),
        "jpeg_progressive": encoded(rgb, "JPEG", quality=85, progressive=True, optimize=True),
        "refused_transparent": encoded(pierced, "PNG"),
        "refused_transparent_colour": encoded(rgb.quantize(40), "PNG", transparency=3),
        "refused_16_bits": encoded(Image.fromarray(np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000), "PNG"),
        "refused_cmyk": encoded(rgb.convert("CMYK"), "JPEG"),
    }
    return cases


def write_images():
    with h5py.File(HERE / "images.h5", "w", libver="earliest", track_order=False) as file:
        file.attrs["format_version"] = np.int32(1)
        for name, text in [("made_by", "make_arrays.py"), ("pillow_version", PIL.__version__),
                           ("numpy_version", np.__version__), ("h5py_version", h5py.__version__)]:
            file.attrs[name] = np.bytes_(text + "\0")
        for name, data in image_cases().items():
            group = file.create_group(name)
            put = lambda key, values: group.create_dataset(key, data=values, track_times=False)
            put("file", data)
            if name.startswith("refused"):
                continue
            image = Image.open(io.BytesIO(data.tobytes()))
            image = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
            put("pixels", np.asarray(image).reshape(image.height, image.width, -1))
            other = image.convert("RGB" if image.mode == "L" else "L")
            put("converted", np.asarray(other).reshape(image.height, image.width, -1))
            for height, width in [(64, 64), (8, 8), (image.height, 12), (50, image.width), (7, 90), (1, 1)]:
                if name in ("png_gray", "png_rgb"):
                    # In two steps, for Pillow's own order of rows and columns depends on the sizes.
                    wide = image.resize((width, image.height), Image.Resampling.BILINEAR)
                    resized = wide.resize((width, height), Image.Resampling.BILINEAR)
                    put(f"{height}x{width}", np.asarray(resized).reshape(height, width, -1))


if __name__ == "__main__":
    write_archives()
    write_images()
