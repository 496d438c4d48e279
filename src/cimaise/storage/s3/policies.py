"""Who has to be allowed what: AWS policies for the three roles, each with nothing to spare."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cimaise.storage.s3.location import Location

MAIN: Final = "main"
PRESIGNER: Final = "presigner"
CLEANUP: Final = "cleanup"

ON_OBJECTS: Final[Mapping[str, Sequence[str]]] = {
    MAIN: ("s3:GetObject", "s3:PutObject", "s3:ListMultipartUploadParts"),
    PRESIGNER: ("s3:GetObject", "s3:PutObject"),
    CLEANUP: ("s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
}
ON_BUCKET: Final[Mapping[str, Sequence[str]]] = {
    MAIN: ("s3:ListBucket",),  # without it an absent object answers 403 instead of 404
    PRESIGNER: (),
    CLEANUP: ("s3:ListBucket", "s3:ListBucketMultipartUploads"),
}


def policies(location: Location) -> dict[str, dict[str, Any]]:
    """An identity policy for each role (AWS: Identity and Access Management, policy elements)."""
    return {role: _policy(location, role) for role in ON_OBJECTS}


def _policy(location: Location, role: str) -> dict[str, Any]:
    bucket = f"arn:aws:s3:::{location.bucket}"
    statements = [
        {
            "Effect": "Allow",
            "Action": list(ON_OBJECTS[role]),
            "Resource": f"{bucket}/{location.prefix}*",
        }
    ]
    if ON_BUCKET[role]:
        statements.append({"Effect": "Allow", "Action": list(ON_BUCKET[role]), "Resource": bucket})
    return {"Version": "2012-10-17", "Statement": statements}
