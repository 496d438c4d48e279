"""Well-formed pictures of the kinds that are seldom met, and often shown wrongly."""

import io
import struct
import tempfile

import PIL.Image
import PIL.ImageCms
import PIL.ImageDraw
import pillow_heif
import pillow_jxl  # noqa: F401  # registers itself
import pyvips

SIZE = (120, 80)
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 60), (40, 60, 210), (255, 255, 255)


def quarters(mode: str = "RGB") -> PIL.Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    picture = PIL.Image.new("RGB", SIZE, WHITE)
    draw, (across, down) = PIL.ImageDraw.Draw(picture), (SIZE[0] // 2, SIZE[1] // 2)
    draw.rectangle((0, 0, across - 1, down - 1), fill=RED)
    draw.rectangle((across, 0, SIZE[0], down - 1), fill=GREEN)
    draw.rectangle((0, down, across - 1, SIZE[1]), fill=BLUE)
    return picture.convert(mode)


def _saved(picture: PIL.Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def cmyk_inverted() -> bytes:
    """As Adobe's programs write it: the marker says so, and 0 is full ink."""
    return _saved(quarters("CMYK"), "JPEG", quality=95)


def cmyk_without_a_marker() -> bytes:
    """The same numbers without the marker: there is nothing that says they are inverted."""
    body = _saved(PIL.Image.new("CMYK", SIZE, (0, 0, 0, 0)), "JPEG", quality=95)
    at = body.index(b"\xff\xee")
    return body[:at] + body[at + 2 + int.from_bytes(body[at + 2 : at + 4]) :]


def grey_16_bits_with_alpha() -> bytes:
    """Dark at the left, light at the right; transparent at the top, opaque at the bottom."""
    across, down = pyvips.Image.xyz(*SIZE)[0], pyvips.Image.xyz(*SIZE)[1]
    grey = across * (65535 / (SIZE[0] - 1))
    alpha = down * (65535 / (SIZE[1] - 1))
    both = grey.bandjoin(alpha).cast("ushort").copy(interpretation="grey16")
    return bytes(both.pngsave_buffer())


def palette_with_transparent_colour() -> bytes:
    """White is transparent (tRNS)."""
    picture = quarters().quantize(8, dither=PIL.Image.Dither.NONE)
    return _saved(picture, "PNG", transparency=picture.getpixel((SIZE[0] - 2, SIZE[1] - 2)))


def gif_that_takes_frames_away(disposal: int) -> bytes:
    """Red all over, then green in the middle only, then blue in a corner only."""
    first = PIL.Image.new("RGBA", SIZE, (*RED, 255))
    frames = []
    for box, colour in (((40, 20, 80, 60), GREEN), ((0, 0, 30, 30), BLUE)):
        frame = PIL.Image.new("RGBA", SIZE, (0, 0, 0, 0))
        PIL.ImageDraw.Draw(frame).rectangle(box, fill=(*colour, 255))
        frames.append(frame)
    return _saved(
        first, "GIF", save_all=True, append_images=frames, duration=200, loop=0,
        disposal=[1, disposal, 1], optimize=False,
    )  # fmt: skip


def webp_of_partial_frames() -> bytes:
    """The same, as an encoder writes it that stores only what changes."""
    frames = []
    for box, colour in (((40, 20, 80, 60), GREEN), ((0, 0, 30, 30), BLUE)):
        frame = PIL.Image.new("RGBA", SIZE, (*RED, 255))
        PIL.ImageDraw.Draw(frame).rectangle(box, fill=(*colour, 255))
        frames.append(frame)
    first = PIL.Image.new("RGBA", SIZE, (*RED, 255))
    return _saved(
        first, "WEBP", save_all=True, append_images=frames, duration=200, lossless=True,
        minimize_size=True,
    )  # fmt: skip


def tiff_of_pages() -> bytes:
    """The quarters, then two pages of one colour each."""
    others = [PIL.Image.new("RGB", (60, 90), colour) for colour in (GREEN, BLUE)]
    return _saved(quarters(), "TIFF", save_all=True, append_images=others, compression="tiff_lzw")


def heic_of_wide_colours() -> bytes:
    """Display P3 by its profile: its numbers are smaller than sRGB's for the same colours."""
    wide = pyvips.Image.new_from_memory(quarters().tobytes(), *SIZE, 3, "uchar")
    wide = wide.copy(interpretation="srgb").icc_transform("p3", input_profile="srgb")
    profile = wide.get("icc-profile-data")
    plain = PIL.Image.frombytes("RGB", SIZE, bytes(wide.write_to_memory()))
    out = io.BytesIO()
    pillow_heif.from_pillow(plain).save(out, quality=95, chroma=444, icc_profile=profile)
    return out.getvalue()


def progressive_cut_short() -> bytes:
    """The first six tenths of a progressive JPEG."""
    body = _saved(quarters().resize((1200, 800)), "JPEG", quality=95, progressive=True)
    return body[: len(body) * 6 // 10]


def mpo() -> bytes:
    """Two views in one file; the first is the picture."""
    other = PIL.Image.new("RGB", SIZE, GREEN)
    return _saved(quarters(), "MPO", save_all=True, append_images=[other], quality=95)


def wrong_exif_thumbnail() -> bytes:
    """Its EXIF holds a thumbnail of another picture and of other proportions."""
    thumbnail = _saved(PIL.Image.new("RGB", (40, 60), GREEN), "JPEG")
    entries = (
        (0x0103, 3, 1, 6 << 16),
        (0x0201, 4, 1, 8 + 6 + 2 + 36 + 4),
        (0x0202, 4, 1, len(thumbnail)),
    )
    first = struct.pack(">HI", 0, 8 + 6)  # IFD0 without entries, then where IFD1 is
    second = struct.pack(">H", 3) + b"".join(struct.pack(">HHII", *one) for one in entries)
    exif = b"Exif\0\0MM\0\x2a\0\0\0\x08" + first + second + struct.pack(">I", 0) + thumbnail
    return _saved(quarters(), "JPEG", quality=95, exif=exif)


def interlaced_gif() -> bytes:
    """Its lines come in four passes."""
    return _saved(quarters().quantize(8), "GIF", interlace=1)


def bmp_from_the_top() -> bytes:
    """Its height is negative: the lines run from the top."""
    lines = quarters().convert("RGB").tobytes("raw", "BGR")
    head = struct.pack("<2sIHHI", b"BM", 54 + len(lines), 0, 0, 54)
    facts = struct.pack("<IiiHHIIiiII", 40, SIZE[0], -SIZE[1], 1, 24, 0, len(lines), 0, 0, 0, 0)
    return head + facts + lines


def icon() -> bytes:
    """Two sizes in one file."""
    return _saved(quarters().resize((64, 64)), "ICO", sizes=[(16, 16), (64, 64)])


def jpeg_kept_in_jxl() -> bytes:
    """A photograph of an upright camera, stored lying, as JPEG XL packs it without loss."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    lying = quarters().transpose(PIL.Image.Transpose.ROTATE_90)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:  # the plug-in packs files only
        lying.save(file.name, quality=95, exif=exif)
        with PIL.Image.open(file.name) as jpeg:
            return _saved(jpeg, "JXL", lossless_jpeg=True)


def big_tiff() -> bytes:
    """A TIFF with offsets of 64 bits, tiled and with its smaller copies, as museums scan."""
    out = pyvips.Image.new_from_memory(quarters().tobytes(), *SIZE, 3, "uchar")
    drawn = out.copy(interpretation="srgb")
    return bytes(drawn.tiffsave_buffer(bigtiff=True, tile=True, pyramid=True))


def big_endian_big_tiff() -> bytes:
    """The smallest of its kind: high bytes first (BigTIFF, 64-bit offsets), one strip."""
    pixels = quarters().tobytes()
    entries = [
        (256, 4, 1, SIZE[0].to_bytes(4) + bytes(4)),
        (257, 4, 1, SIZE[1].to_bytes(4) + bytes(4)),
        (258, 3, 3, struct.pack(">HHHH", 8, 8, 8, 0)),
        (259, 3, 1, struct.pack(">HHHH", 1, 0, 0, 0)),
        (262, 3, 1, struct.pack(">HHHH", 2, 0, 0, 0)),
        (273, 16, 1, struct.pack(">Q", 16)),
        (277, 3, 1, struct.pack(">HHHH", 3, 0, 0, 0)),
        (278, 4, 1, SIZE[1].to_bytes(4) + bytes(4)),
        (279, 16, 1, struct.pack(">Q", len(pixels))),
    ]
    directory = struct.pack(">Q", len(entries)) + b"".join(
        struct.pack(">HHQ", tag, kind, count) + value for tag, kind, count, value in entries
    )
    head = b"MM\0+" + struct.pack(">HHQ", 8, 0, 16 + len(pixels))
    return head + pixels + directory + bytes(8)


def lab_tiff() -> bytes:
    """CIELAB of 8 bits, as programs of printers write it."""
    srgb, lab = PIL.ImageCms.createProfile("sRGB"), PIL.ImageCms.createProfile("LAB")
    picture = PIL.ImageCms.profileToProfile(quarters(), srgb, lab, outputMode="LAB")
    assert picture is not None
    return _saved(picture, "TIFF")
