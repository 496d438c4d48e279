"""Pictures made for tests, and how to look at pixels."""

import pyvips


def quadrants(width: int, height: int) -> pyvips.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    left, top = width // 2, height // 2

    def plain(colour: tuple[int, int, int], across: int, down: int) -> pyvips.Image:
        black = pyvips.Image.black(across, down, bands=3)
        return (black + list(colour)).cast("uchar").copy(interpretation="srgb")

    upper = plain((255, 0, 0), left, top).join(plain((0, 255, 0), width - left, top), "horizontal")
    lower = plain((0, 0, 255), left, height - top).join(
        plain((255, 255, 255), width - left, height - top), "horizontal"
    )
    return upper.join(lower, "vertical").copy_memory()


def decoded(body: bytes) -> pyvips.Image:
    """The first frame, in memory."""
    return pyvips.Image.new_from_buffer(body, "").copy_memory()


def pixel(image: pyvips.Image, x: float, y: float) -> list[int]:
    """The colour at a place given from 0 to 1."""
    across = min(int(x * image.width), image.width - 1)
    return [round(v) for v in image.getpoint(across, min(int(y * image.height), image.height - 1))]


def corner_names(image: pyvips.Image) -> str:
    """The corners clockwise from the top left: r, g, b, w (or ? where it is none of these)."""
    names = {(1, 0, 0): "r", (0, 1, 0): "g", (0, 0, 1): "b", (1, 1, 1): "w"}
    found = ""
    for x, y in ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        colour = pixel(image, x, y)[:3]
        found += names.get((colour[0] > 128, colour[1] > 128, colour[2] > 128), "?")
    return found
