"""Colours that a file describes by code points (ITU-T H.273)."""

import io
import math

import PIL.Image
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.images.cicp import Cicp, from_cicp
from cimaise.images.decoders.nclx import read_cicp
from cimaise.images.resizing import from_pixels
from tests.kit.pictures import decoded, make, pixel

SRGB, P3, BT2020 = 1, 12, 9
SDR, PQ, HLG = 13, 16, 18
WHITE_NITS, PEAK_NITS = 203.0, 1000.0
PRIMARIES = {
    SRGB: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
}
D65 = (0.3127, 0.3290)
Matrix = list[list[float]]


def xyz(x: float, y: float) -> list[float]:
    return [x / y, 1.0, (1 - x - y) / y]


def inverse(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    adjugate = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    determinant = a * adjugate[0][0] + b * adjugate[1][0] + c * adjugate[2][0]
    return [[value / determinant for value in row] for row in adjugate]


def times(m: Matrix, v: list[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, v, strict=True)) for row in m]


def to_xyz(primaries: int) -> Matrix:
    columns = [xyz(*point) for point in PRIMARIES[primaries]]
    rows = [list(row) for row in zip(*columns, strict=True)]
    scale = times(inverse(rows), xyz(*D65))
    return [[value * scale[at] for at, value in enumerate(row)] for row in rows]


def to_linear_srgb(primaries: int, light: list[float]) -> list[float]:
    return times(inverse(to_xyz(SRGB)), times(to_xyz(primaries), light))


def nits_of_pq(value: float) -> float:
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = value ** (1 / m2)
    return float(10_000 * (max(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def nits_of_hlg(colour: list[float]) -> list[float]:
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * math.log(4 * a)
    scene = [v * v / 3 if v <= 0.5 else (math.exp((v - c) / a) + b) / 12 for v in colour]
    luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2]
    return [PEAK_NITS * luminance**0.2 * value for value in scene]


def expected(cicp: Cicp, stored: tuple[int, int, int]) -> list[float]:
    """The colour that a browser shows on an ordinary screen, 0 to 255."""
    values = [value / 255 for value in stored]
    if cicp.transfer == PQ:
        light = [nits_of_pq(value) / WHITE_NITS for value in values]
    elif cicp.transfer == HLG:
        light = [nits / WHITE_NITS for nits in nits_of_hlg(values)]
    else:
        light = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    light = [max(0.0, value) for value in to_linear_srgb(cicp.primaries, light)]
    if cicp.is_hdr:
        most, peak = max(light), PEAK_NITS / WHITE_NITS
        light = [value * (1 + most / peak**2) / (1 + most) for value in light]
    light = [min(1.0, value) for value in light]
    return [255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055) for v in light]


def told(body: bytes, cicp: Cicp) -> bytes:
    """The same file, which says that its numbers are meant so."""
    at = body.index(b"colrnclx") + 8
    points = cicp.primaries.to_bytes(2) + cicp.transfer.to_bytes(2)
    return body[:at] + points + body[at + 4 :]


def written(colour: tuple[int, ...], form: str) -> bytes:
    mode = "RGB" if len(colour) == 3 else "RGBA"
    picture, out = PIL.Image.new(mode, (64, 48), colour), io.BytesIO()
    if form == "avif":
        picture.save(out, "AVIF", quality=100, subsampling="4:4:4")
    else:
        heif = pillow_heif.from_pillow(picture)
        heif.save(out, quality=-1, chroma=444, save_nclx_profile=True)
    return out.getvalue()


COLOURS = [(148, 148, 148), (200, 120, 60), (40, 90, 200), (255, 255, 255), (0, 0, 0), (20, 25, 22)]


MEANT = [Cicp(BT2020, PQ), Cicp(BT2020, HLG), Cicp(P3, SDR), Cicp(BT2020, SDR), Cicp(P3, PQ)]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("cicp", MEANT)
def test_colours_become_what_the_standards_say(cicp, colour):
    stored = from_pixels(bytes(colour) * 12, 4, 3, 3)
    assert pixel(from_cicp(stored, cicp), 0.5, 0.5) == pytest.approx(expected(cicp, colour), abs=1)


@pytest.mark.parametrize("cicp", MEANT)
def test_an_avif_of_another_colour_space_looks_as_it_is_meant(cicp):
    colour = (200, 120, 60)
    made = make(told(written(colour, "avif"), cicp), width=32, format="png")
    shown = pixel(decoded(made.body), 0.5, 0.5)
    assert shown == pytest.approx(expected(cicp, colour), abs=6)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_heic_of_high_dynamic_range_looks_as_it_is_meant(transfer):
    cicp, colour = Cicp(BT2020, transfer), (200, 120, 60)
    made = make(told(written(colour, "heic"), cicp), width=32, format="png")
    shown = pixel(decoded(made.body), 0.5, 0.5)
    assert shown == pytest.approx(expected(cicp, colour), abs=6)


def test_what_is_stored_as_srgb_stays_as_it_is():
    for transfer in (1, 13):
        body = told(written((200, 120, 60), "avif"), Cicp(SRGB, transfer))
        shown = pixel(decoded(make(body, width=32, format="png").body), 0.5, 0.5)
        assert shown == pytest.approx([200, 120, 60], abs=3)


def test_paper_white_of_high_dynamic_range_is_no_longer_grey_and_its_peak_is_white():
    paper, peak = expected(Cicp(BT2020, PQ), (148,) * 3), expected(Cicp(BT2020, PQ), (192,) * 3)
    assert paper[0] > 185
    assert peak[0] == pytest.approx(255, abs=2)


def test_transparency_survives():
    body = told(written((200, 120, 60, 100), "avif"), Cicp(BT2020, PQ))
    shown = pixel(decoded(make(body, width=32, format="png").body), 0.5, 0.5)
    assert shown[3] == pytest.approx(100, abs=2)


@given(
    st.lists(st.sampled_from([b"meta", b"iprp", b"ipco", b"colr", b"nclx"]) | st.binary(max_size=9))
)
def test_no_bytes_break_the_reading_of_code_points(parts):
    found = read_cicp(b"\0\0\0\x10ftypavif\0\0\0\0" + b"".join(parts))
    assert found is None or 0 <= found.primaries < 2**16


def test_code_points_are_found_where_they_lie():
    body = told(written((1, 2, 3), "avif"), Cicp(BT2020, HLG))
    assert read_cicp(body) == Cicp(BT2020, HLG)
    assert read_cicp(body[: body.index(b"colr")]) is None
    assert read_cicp(b"") is None
