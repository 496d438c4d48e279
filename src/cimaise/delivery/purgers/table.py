"""Every product, by its name in ``CIMAISE_CDN_KIND``."""

from collections.abc import Mapping
from typing import Final

from cimaise.delivery.purgers.base import Purger
from cimaise.delivery.purgers.cloudflare import Cloudflare
from cimaise.delivery.purgers.fastly import Fastly
from cimaise.delivery.purgers.varnish import Varnish
from cimaise.delivery.purgers.webhook import Webhook

PURGERS: Final[Mapping[str, Purger]] = {
    "varnish": Varnish(),
    "fastly": Fastly(),
    "cloudflare": Cloudflare(),
    "webhook": Webhook(),
}
