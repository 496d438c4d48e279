"""Turnstile, hCaptcha and reCAPTCHA as each documents itself: what a browser loads, what is asked.

The scripts stand in for the services' own: they find the widget's element, load what the real ones
load (a further script, a frame, a style sheet) and put an answer into the field of the form.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

ANSWER = "answer-of-the-widget"


@dataclass(frozen=True)
class Documented:
    """What a service's manual says of its widget.

    Attributes:
        script: That a page loads.
        element: Class of the widget's element.
        field: Of the form that the answer is in.
        scripts: Further scripts, of other origins that the policy has to let in.
        frame: Where the challenge is shown.
        style: A style sheet, if it has one.
        used: The error code of an answer that was verified before.
    """

    script: str
    element: str
    field: str
    scripts: tuple[str, ...]
    frame: str
    style: str = ""
    used: str = "timeout-or-duplicate"


SERVICES = {
    "turnstile": Documented(
        "https://challenges.cloudflare.com/turnstile/v0/api.js", "cf-turnstile",
        "cf-turnstile-response", (), "https://challenges.cloudflare.com/cdn-cgi/challenge-platform/x",
    ),
    "hcaptcha": Documented(
        "https://js.hcaptcha.com/1/api.js", "h-captcha", "h-captcha-response",
        ("https://newassets.hcaptcha.com/captcha/v1/x/hcaptcha.js",),
        "https://newassets.hcaptcha.com/captcha/v1/x/static/hcaptcha.html",
        "https://newassets.hcaptcha.com/x.css", "already-seen-response",
    ),
    "recaptcha": Documented(
        "https://www.google.com/recaptcha/api.js", "g-recaptcha", "g-recaptcha-response",
        ("https://www.gstatic.com/recaptcha/releases/x/recaptcha__en.js",),
        "https://www.google.com/recaptcha/api2/anchor",
    ),
}  # fmt: skip


def script_of(service: Documented) -> str:
    """Renders where the element says, once everything has come."""
    facts = json.dumps({
        "element": service.element, "field": service.field, "scripts": service.scripts,
        "frame": service.frame, "style": service.style, "answer": ANSWER,
    })  # fmt: skip
    return (
        f"const facts = {facts};\n"
        """
    const come = (kind, facts) => new Promise((done, failed) => {
      const made = Object.assign(document.createElement(kind), facts);
      made.onload = () => done(made); made.onerror = () => failed(new Error(facts.src || facts.href));
      (kind === "iframe" ? box : document.head).append(made);
    });
    const box = document.querySelector("." + facts.element + "[data-sitekey]");
    const all = facts.scripts.map((src) => come("script", { src }));
    if (facts.style) all.push(come("link", { rel: "stylesheet", href: facts.style }));
    all.push(come("iframe", { src: facts.frame, title: "challenge" }));
    Promise.all(all).then(() => {
      const field = Object.assign(document.createElement("input"), { type: "hidden" });
      field.name = facts.field; field.value = facts.answer;
      box.append(field); box.dataset.solved = "";
    });
    """
    )


@dataclass
class Verifier:
    """``siteverify``: an answer is right once."""

    service: Documented
    hostname: str
    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)

    def verdict(self, body: bytes) -> dict[str, object]:
        """The answer to a question."""
        form = dict(parse_qsl(body.decode()))
        is_right = form.get("response") == ANSWER and not self.forms
        self.forms.append(form)
        if is_right:
            return {"success": True, "hostname": self.hostname, "error-codes": []}
        return {"success": False, "error-codes": [self.service.used]}


@contextmanager
def verifying(service: Documented, hostname: str) -> Iterator[Verifier]:
    """Serve it on a free port."""
    verifier = Verifier(service, hostname)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told = json.dumps(verifier.verdict(body)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        verifier.url = f"http://127.0.0.1:{server.server_port}/siteverify"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield verifier
        finally:
            server.shutdown()
            thread.join()
