"""Rules that a bucket has for CORS and lifecycle: ours, and what those of others mean for us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cimaise.storage.base import Check, Verdict, Wishes

_MAX_AGE_S: Final = 3600
_SENT_HEADERS: Final = ("content-type", "content-md5", "x-amz-checksum-sha256")


@dataclass(frozen=True, slots=True)
class RuleKind:
    """Rules that are read and replaced all at once: the calls, and what S3 calls the lists."""

    get: str
    put: str
    outer: str
    rules: str


CORS: Final = RuleKind("get_bucket_cors", "put_bucket_cors", "CORSConfiguration", "CORSRules")
LIFECYCLE: Final = RuleKind(
    "get_bucket_lifecycle_configuration",
    "put_bucket_lifecycle_configuration",
    "LifecycleConfiguration",
    "Rules",
)


def cors_rule(wishes: Wishes) -> dict[str, Any]:
    """Lets our pages send, and read the ETag of what they sent."""
    return {
        "ID": "cimaise-uploads",
        "AllowedOrigins": list(wishes.origins),
        "AllowedMethods": ["PUT", "GET"],
        "AllowedHeaders": list(_SENT_HEADERS),
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": _MAX_AGE_S,
    }


def lifecycle_rule(wishes: Wishes, prefix: str) -> dict[str, Any]:
    """Frees the parts of uploads that nobody ended."""
    return {
        "ID": "cimaise-forgotten-parts",
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": wishes.abort_after_days},
    }


def judge_lifecycle(rules: Sequence[Mapping[str, Any]], prefix: str, *, least_days: int) -> Check:
    """Whether forgotten uploads in parts below ``prefix`` are freed, and none too early.

    Rules for other parts of the bucket say nothing of ours.
    """
    found = [
        (_prefix_of(rule), rule["AbortIncompleteMultipartUpload"].get("DaysAfterInitiation", 0))
        for rule in rules
        if rule.get("Status") == "Enabled" and "AbortIncompleteMultipartUpload" in rule
    ]
    some = [days for of, days in found if of.startswith(prefix)]
    all_of_ours = [days for of, days in found if prefix.startswith(of)]
    soonest = min([*some, *all_of_ours], default=least_days)
    if soonest < least_days:
        detail = f"uploads in parts are cut off after {soonest} days, sessions live longer"
        return Check("lifecycle", Verdict.FAULT, detail)
    if not all_of_ours:
        detail = "no rule frees forgotten multipart uploads; the clean-up frees those it knows"
        return Check("lifecycle", Verdict.WARNING, detail)
    detail = f"forgotten uploads are freed after {min(all_of_ours)} days"
    return Check("lifecycle", Verdict.OK, detail)


def _prefix_of(rule: Mapping[str, Any]) -> str:
    """Of the keys that a lifecycle rule is about; older rules have no filter around it."""
    chosen = rule.get("Filter", rule)
    prefix: str = chosen.get("And", chosen).get("Prefix", "")
    return prefix
