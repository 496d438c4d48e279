"""What a password of an account must be: long enough, and not among the first that are guessed.

NIST SP 800-63B: no rules of composition, no expiry, any character, and a look at what is commonly
used. That look is zxcvbn's: its lists of leaked passwords, names and words, keyboards and dates,
with the account's own name among them. What falls within a million guesses is refused.
"""

from typing import Final

from cimaise.errors import Invalid

LEAST_GUESSES_LOG10: Final = 6.0
_LOOKED_AT_CHARS: Final = 24  # what it looks at takes time that grows with a power of them
_OWN_WORDS: Final = ("cimaise",)


def require_hard_to_guess(password: str, *known: str) -> None:
    """``Invalid`` for one that guessers try first. Takes milliseconds of work: call it in a thread.

    Args:
        password: Any text.
        known: What everybody knows of the account: its name, its e-mail address.
    """
    # its word lists take 12 MiB, and most processes are never asked
    from zxcvbn import zxcvbn  # noqa: PLC0415

    words = [word for one in known for word in (one, one.partition("@")[0]) if word]
    found = zxcvbn(password[:_LOOKED_AT_CHARS], user_inputs=[*words, *_OWN_WORDS])
    if float(found["guesses_log10"]) < LEAST_GUESSES_LOG10:
        raise Invalid(
            "This password is among the first that are guessed. Take a longer one: a few words"
            " that do not belong together.",
            field="password",
        )
