"""Every real kind of file, in every format we write, against what Pillow alone makes of it."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pillow_heif
import pytest

from tests.kit.pictures import guarded_codec, make

pillow_heif.register_heif_opener()

OUTPUTS = ("webp", "avif", "jpeg", "png", "jxl")
SIDE_PX = 64
TOLERANCE = {"png": (4.0, 30.0), "webp": (13.0, 70.0)}
"""Mean over all pixels and 99th percentile, of 255. PNG loses nothing: what is left is another
filter and another shrink-on-load. WebP stores a quarter of the colours: seen in small pictures.
"""
LOSSY = (7.0, 40.0)
NAMES = [
    "16-bit-grey-alpha.png",
    "4.webp",
    "5_webp_a.webp",
    "Channel_digital_image_CMYK_color.jpg",
    "Flag_of_the_Netherlands-16bit.png",
    "G31D_MULTI.TIF",
    "alpha-premultiply-1024x768-paper.png",
    "animated-loop-3.gif",
    "blackbug.png",
    "gain-map.jpg",
    "gradients-rgb8.png",
    "iphone_13_pro_max.HEIC",
    "low-contrast.jpg",
    "p3.png",
    "pitm.avif",
    "relax.jp2",
    "rotating-squares.gif",
    "rotating-squares.webp",
    "sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif",
    "uncompressed_tiff.tiff",
    "with-alpha.png",
]


def on_white(picture: PIL.Image.Image) -> PIL.Image.Image:
    ground = PIL.Image.new("RGBA", picture.size, "white")
    return PIL.Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def in_srgb(picture: PIL.Image.Image) -> PIL.Image.Image:
    """By its profile, in Pillow's own colour management."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    read = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if read.profile.xcolor_space.strip() == "GRAY":
        return picture  # Pillow opens it in colours, which the profile does not speak of
    converted = PIL.ImageCms.profileToProfile(
        picture,
        read,
        PIL.ImageCms.createProfile("sRGB"),
        outputMode="RGB" if picture.mode == "CMYK" else picture.mode,
    )
    assert converted is not None
    return converted


def reference(path: Path, size: tuple[int, int]) -> np.ndarray:
    with PIL.Image.open(path) as opened:
        picture = in_srgb(PIL.ImageOps.exif_transpose(opened))
        if picture.mode == "1":
            picture = picture.convert("L")
        flat = on_white(picture)
    return np.asarray(flat.resize(size, PIL.Image.Resampling.LANCZOS), dtype=float)


def written(body: bytes) -> np.ndarray:
    with PIL.Image.open(io.BytesIO(body)) as picture:
        return np.asarray(on_white(picture), dtype=float)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_pixels_are_those_that_another_library_finds(name, corpus):
    path = corpus / "formats" / name
    for output in OUTPUTS:
        made = make(path, width=SIDE_PX, format=output, quality=95, background="ffffff")
        expected = reference(path, (made.width, made.height))
        off = np.abs(written(made.body) - expected)
        mean, worst = TOLERANCE.get(output, LOSSY)
        assert off.mean() < mean, (output, off.mean())
        assert np.percentile(off, 99) < worst, (output, np.percentile(off, 99))


def test_ink_without_a_profile_looks_like_the_same_picture_with_one(corpus):
    with_profile, without = (
        written(make(corpus / "formats" / name, width=SIDE_PX, format="png").body)
        for name in (
            "Channel_digital_image_CMYK_color.jpg",
            "Channel_digital_image_CMYK_color_no_profile.jpg",
        )
    )
    assert np.abs(with_profile - without).mean() < 25


@pytest.mark.parametrize("output", OUTPUTS)
def test_drawings_have_their_colours(corpus, output):
    check = written(
        make(corpus / "formats" / "check.svg", format=output, background="fff", quality=95).body
    )
    assert check[72, 20] == pytest.approx([0, 128, 0], abs=6)
    assert check[5, 5] == pytest.approx([255, 255, 255], abs=3)


@pytest.mark.parametrize("name", ["HMD_Nokia_8.3_5G.jpg", "canon_hdr_NO.jpg", "jolla.jpg"])
def test_photographs_look_as_pillow_shows_them(corpus, name):
    path = corpus / "photos" / name
    made = make(path, width=200, format="png")
    off = np.abs(written(made.body) - reference(path, (made.width, made.height)))
    assert off.mean() < TOLERANCE["png"][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iphone_13_pro_max.HEIC", "relax.jp2", "check.svg", "pitm.avif"])
def test_the_header_says_the_size_that_is_decoded(corpus, name):
    header = guarded_codec().read_header(corpus / "formats" / name)
    made = make(corpus / "formats" / name, width=2560, format="jpeg")
    assert made.width == min(2560, header.width)
