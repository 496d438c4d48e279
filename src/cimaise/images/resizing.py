"""Making pixels fewer or more, turning them upright, and holding them."""

import pyvips

from cimaise.images.stopping import Stop


def from_pixels(
    pixels: bytes | bytearray | memoryview, width: int, height: int, bands: int
) -> pyvips.Image:
    """8-bit sRGB pixels as an image, which keeps them alive."""
    held = pyvips.Image.new_from_memory(pixels, width, height, bands, "uchar")
    return held.copy(interpretation="srgb")


def in_memory(image: pyvips.Image, stop: Stop) -> pyvips.Image:
    """Compute an 8-bit sRGB image now, stoppable; the result knows nothing of where it came from.

    Not ``copy_memory``: of an image that is in memory already it gives the same one, without the
    reference that keeps its pixels alive.
    """
    pixels = stop.watch(image).write_to_memory()
    return from_pixels(pixels, image.width, image.height, image.bands)


def resized(image: pyvips.Image, size: tuple[int, int]) -> pyvips.Image:
    """The picture at another size, in its own colours; transparent pixels lend none."""
    if (image.width, image.height) == size:
        return image
    across, down = size[0] / image.width, size[1] / image.height
    if not image.hasalpha():
        return image.resize(across, vscale=down)
    form = image.format
    flat = image.premultiply().cast(form)
    return flat.resize(across, vscale=down).unpremultiply().cast(form)


def upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    """Turned as EXIF's orientation says (1 to 8)."""
    if orientation in (5, 6):
        image = image.rot90()
    elif orientation in (7, 8):
        image = image.rot270()
    elif orientation == 3:  # noqa: PLR2004
        image = image.rot180()
    elif orientation == 4:  # noqa: PLR2004
        image = image.flipver()
    return image.fliphor() if orientation in (2, 5, 7) else image
