"""Pictures at any size: parameters in, encoded bytes out, kept for the next who asks."""

import os
from typing import Final

_SILENT: Final = "VIPS_WARNING"

# Read once, when libvips is loaded: so before any module here imports it. A broken file is worth
# a refusal, not thousands of lines of warnings.
os.environ.setdefault(_SILENT, "1")
