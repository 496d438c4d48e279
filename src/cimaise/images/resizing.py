"""Making pixels fewer or more, and turning them upright."""

import pyvips


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
