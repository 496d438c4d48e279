"""What picture is wanted: parameters in, :class:`ImageSpec` out, and its one canonical text."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from cimaise.errors import Invalid, Limit, NotFound
from cimaise.images.operations.table import OPERATIONS
from cimaise.images.parameters import (
    Colour,
    choice,
    decimal,
    format_number,
    parse_colour,
    parse_switch,
    whole,
)

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""
FocalPoint = tuple[float, float]
"""From the left and from the top, 0 to 1."""

TILE: Final = "tile"
MARK_PARAMETERS: Final = ("watermark_position", "watermark_opacity", "watermark_scale")
FITS: Final = ("inside", "cover", "contain", "fill")
SMART: Final = "smart"
MAX_DPR: Final = 5
LOSSLESS: Final = frozenset({"png"})
_MAX_ASKED: Final = 1_000_000
_CENTER: Final[FocalPoint] = (0.5, 0.5)
_PLACES: Final[dict[str, FocalPoint]] = {
    "center": _CENTER,
    "top": (0.5, 0.0),
    "bottom": (0.5, 1.0),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
    "top-left": (0.0, 0.0),
    "top-right": (1.0, 0.0),
    "bottom-left": (0.0, 1.0),
    "bottom-right": (1.0, 1.0),
    "north": (0.5, 0.0),
    "south": (0.5, 1.0),
    "west": (0.0, 0.5),
    "east": (1.0, 0.5),
    "northwest": (0.0, 0.0),
    "northeast": (1.0, 0.0),
    "southwest": (0.0, 1.0),
    "southeast": (1.0, 1.0),
}

PRESETS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "thumb": {"width": "400", "height": "400"},
        "small": {"width": "800", "height": "800"},
        "medium": {"width": "1280", "height": "1280"},
        "large": {"width": "2048", "height": "2048"},
    }
)
"""Name → parameters: the longer side is at most that long, nothing is cut off or enlarged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecLimits:
    """What may be asked for.

    Attributes:
        max_width: Most pixels of a side that is asked for, after ``dpr``.
        default_quality: Quality where none is given, 1 to 100.
        default_format: Format where none is given.
        formats: Formats that can be written here.
        watermarks: Name → a text that changes with the watermark's picture.
    """

    max_width: int = 2560
    default_quality: int = 80
    default_format: str = "webp"
    formats: tuple[str, ...] = ("webp", "avif", "jpeg", "png")
    watermarks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mark:
    """A watermark laid over the picture.

    Attributes:
        name: Of a configured one.
        digest: Changes with its picture.
        position: Where, from the left and from the top; ``None``: everywhere, repeated.
        opacity: 0 to 1, on top of its own transparency.
        scale: Its width over the picture's.
    """

    name: str
    digest: str
    position: FocalPoint | None = (1.0, 1.0)
    opacity: float = 1.0
    scale: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """A wanted picture. Two specs that ask for the same pixels are equal.

    Attributes:
        width: Pixels after ``dpr``; ``None``: follows from the height.
        height: Pixels after ``dpr``; ``None``: follows from the width.
        fit: One of :data:`FITS`; ``inside`` where a side is missing, for there it has no meaning.
        gravity: ``smart`` or the point that stays in view; the centre where nothing is cut.
        crop: Part of the source, in pixels of the upright picture.
        quality: 1 to 100 on WebP's scale; 100 for lossless formats.
        format: ``webp``, ``avif``, ``jpeg``, ``png`` or ``auto``.
        alternatives: Further formats that the client takes, where ``auto`` was resolved: for
            moving or transparent sources that ``format`` cannot hold.
        edits: Parameters of operations that change something, by the operation's name.
        background: Shown behind transparency and where the picture does not reach.
        watermark: Laid over the picture at the end.
        enlarge: A small source may be made larger.
    """

    width: int | None = None
    height: int | None = None
    fit: str = "inside"
    gravity: FocalPoint | str = _CENTER
    crop: Box | None = None
    quality: int = 80
    format: str = "webp"
    alternatives: tuple[str, ...] = ()
    edits: Mapping[str, Any] = field(default_factory=dict)
    background: Colour | None = None
    watermark: Mark | None = None
    enlarge: bool = False


def parse_spec(params: Mapping[str, str], *, limits: SpecLimits) -> ImageSpec:
    """Read parameters.

    Args:
        params: Name to text. Parameters that belong to others (``url``, ``signature``) must have
            been taken out.
        limits: What may be asked for.

    Raises:
        Invalid: A parameter is unknown or its value refused; ``field`` names it. A width or
            height whose product with ``dpr`` is above ``limits.max_width`` is refused, never
            made smaller in silence, and says so in ``limit``.
    """
    parsers = _parsers(limits)
    values: dict[str, Any] = {}
    for name, text in params.items():
        if name not in parsers:
            raise Invalid(f"There is no parameter {name[:40]!r} for pictures.", field=name[:40])
        values[name] = _parse(name, text, parsers[name])
    return _normal(values, limits)


def parse_preset(
    name: str,
    params: Mapping[str, str],
    *,
    limits: SpecLimits,
    presets: Mapping[str, Mapping[str, str]] = PRESETS,
) -> ImageSpec:
    """The spec of a preset. Besides it, only ``format`` and ``dpr`` may be given.

    Raises:
        NotFound: There is no such preset.
        Invalid: Another parameter, or a value that is refused.
    """
    if name not in presets:
        raise NotFound("There is no such preset.")
    for param in params:
        if param not in ("format", "dpr"):
            raise Invalid("A preset takes only format and dpr.", field=param[:40])
    return parse_spec({**presets[name], **params}, limits=limits)


def canonical(spec: ImageSpec) -> str:
    """The text that two specs share exactly when they ask for the same picture."""
    parts = {
        "background": "" if spec.background is None else bytes(spec.background).hex(),
        "crop": "" if spec.crop is None else ",".join(map(str, spec.crop)),
        "enlarge": "1" if spec.enlarge else "",
        "fit": "" if spec.fit == "inside" else spec.fit,
        "format": "+".join((spec.format, *spec.alternatives)),
        "gravity": _format_gravity(spec.gravity),
        "height": str(spec.height or ""),
        "quality": "" if spec.format in LOSSLESS else str(spec.quality),
        "watermark": "" if spec.watermark is None else _format_mark(spec.watermark),
        "width": str(spec.width or ""),
    }
    parts |= {name: _format_value(value) for name, value in spec.edits.items()}
    return "&".join(f"{name}={parts[name]}" for name in sorted(parts) if parts[name])


def _parsers(limits: SpecLimits) -> dict[str, Callable[[str], Any]]:
    formats = ("auto", *limits.formats, *(("jpg",) if "jpeg" in limits.formats else ()))
    return {
        "width": whole(1, _MAX_ASKED),
        "height": whole(1, _MAX_ASKED),
        "dpr": decimal(1, MAX_DPR),
        "fit": choice(FITS),
        "gravity": _parse_gravity,
        "crop": _parse_crop,
        "quality": whole(1, 100),
        "format": choice(formats, otherwise=" (what this server can write)"),
        "background": parse_colour,
        "enlarge": parse_switch,
        "watermark": choice(tuple(limits.watermarks), otherwise=" (those of this server)"),
        "watermark_position": _parse_position,
        "watermark_opacity": decimal(0, 1),
        "watermark_scale": decimal(0.01, 1),
    } | {operation.name: operation.parse for operation in OPERATIONS}


def _parse(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as form:
        raise Invalid(f"{name} must be {form}.", field=name) from None


def _normal(values: Mapping[str, Any], limits: SpecLimits) -> ImageSpec:
    dpr = values.get("dpr", 1.0)
    width = _effective("width", values.get("width"), dpr, limits.max_width)
    height = _effective("height", values.get("height"), dpr, limits.max_width)
    both = width is not None and height is not None
    fit = values.get("fit", "inside") if both else "inside"
    name = values.get("format", limits.default_format)
    return ImageSpec(
        width=width,
        height=height,
        fit=fit,
        gravity=values.get("gravity", _CENTER) if fit in ("cover", "contain") else _CENTER,
        crop=values.get("crop"),
        quality=100 if name in LOSSLESS else values.get("quality", limits.default_quality),
        format="jpeg" if name == "jpg" else name,
        edits={
            operation.name: values[operation.name]
            for operation in OPERATIONS
            if values.get(operation.name, operation.identity) != operation.identity
        },
        background=values.get("background"),
        watermark=_mark(values, limits),
        enlarge=values.get("enlarge", False),
    )


def _mark(values: Mapping[str, Any], limits: SpecLimits) -> Mark | None:
    if "watermark" not in values:
        for name in MARK_PARAMETERS:
            if name in values:
                raise Invalid(f"{name} needs a watermark.", field=name)
        return None
    mark = Mark(
        values["watermark"],
        limits.watermarks[values["watermark"]],
        values.get("watermark_position", (1.0, 1.0)),
        values.get("watermark_opacity", 1.0),
        values.get("watermark_scale", 0.2),
    )
    return mark if mark.opacity > 0 else None


def _effective(name: str, asked_px: int | None, dpr: float, max_px: int) -> int | None:
    if asked_px is None:
        return None
    effective_px = max(1, int(asked_px * dpr + 0.5))
    if effective_px > max_px:
        raise Invalid(
            f"{name} times dpr may be at most {max_px} pixels.",
            field=name,
            limit=Limit("max_width", max_px, effective_px),
        )
    return effective_px


def _parse_gravity(text: str) -> FocalPoint | str:
    if text == SMART:
        return SMART
    if text in _PLACES:
        return _PLACES[text]
    try:
        x, y = (decimal(0, 1)(part) for part in _split(text, 2))
    except ValueError:
        raise ValueError(
            "center, smart, an edge or corner such as top or bottom-left, or x,y from 0 to 1"
        ) from None
    return x, y


def _parse_position(text: str) -> FocalPoint | None:
    if text == TILE:
        return None
    try:
        place = _parse_gravity(text)
    except ValueError:
        place = SMART
    if isinstance(place, str):
        raise ValueError(  # noqa: TRY004  # the form of a text, as with every parser here
            "tile, center, an edge or corner such as bottom-right, or x,y from 0 to 1"
        )
    return place


def _parse_crop(text: str) -> Box:
    try:
        left, top = (whole(0, _MAX_ASKED)(part) for part in _split(text, 4)[:2])
        width, height = (whole(1, _MAX_ASKED)(part) for part in _split(text, 4)[2:])
    except ValueError:
        raise ValueError("x,y,w,h in pixels of the source") from None
    return left, top, width, height


def _split(text: str, count: int) -> Sequence[str]:
    parts = text.split(",", count)
    if len(parts) != count:
        raise ValueError
    return parts


def _format_gravity(gravity: FocalPoint | str) -> str:
    if isinstance(gravity, str):
        return gravity
    return "" if gravity == _CENTER else ",".join(map(format_number, gravity))


def _format_mark(mark: Mark) -> str:
    place = TILE if mark.position is None else ",".join(map(format_number, mark.position))
    numbers = f"{format_number(mark.opacity)} {format_number(mark.scale)}"
    return f"{mark.name} {mark.digest} {place} {numbers}"


def _format_value(value: Any) -> str:
    return format_number(value) if isinstance(value, float) else str(value)
