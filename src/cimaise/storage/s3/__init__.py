"""Objects in a bucket of anything that speaks S3. :class:`S3Storage` is all that others need."""

from cimaise.storage.s3.control import Credentials
from cimaise.storage.s3.copying import CopySizes
from cimaise.storage.s3.location import Location, parse_location
from cimaise.storage.s3.store import Accounts, S3Storage

__all__ = ["Accounts", "CopySizes", "Credentials", "Location", "S3Storage", "parse_location"]
