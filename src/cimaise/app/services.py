"""Every feature, wired."""

from datetime import timedelta
from functools import partial

from cimaise.access.risk.watch import Watch
from cimaise.albums.catalogue import Catalogue
from cimaise.albums.sources.table import FlickrAccount, Needs, open_sources
from cimaise.app.access import open_access
from cimaise.app.delivery import open_delivery
from cimaise.app.images import image_policy, spec_limits
from cimaise.app.parts import Parts
from cimaise.app.sources import random_id, utc_now
from cimaise.app.uploads import open_uploads
from cimaise.images.info import Headers
from cimaise.images.metadata.cleaning import Cleaner
from cimaise.images.metadata.quick import read_quick_header
from cimaise.library.arrangement import Arrangement
from cimaise.library.collections import Collections
from cimaise.library.deleted import Deleted
from cimaise.library.files import Files
from cimaise.library.takedowns import Takedowns
from cimaise.settings import Settings
from cimaise.web.asgi.background import Background
from cimaise.web.asgi.host import Host
from cimaise.web.asgi.ready_access_log import AnsweredAtOnce
from cimaise.web.features import Images, Library, Operation
from cimaise.web.limits.limiting import Limiter
from cimaise.web.operation.metrics import metrics_text
from cimaise.web.routes import lines_of
from cimaise.web.services import Services
from cimaise.webhooks.service import Webhooks


def open_services(settings: Settings, parts: Parts, host: Host | None = None) -> Services:
    """What handlers may call; ``host`` where another application signs people in."""
    access, library = open_access(settings, parts), _library(settings, parts)
    return Services(
        settings=settings,
        clock=utc_now,
        database=parts.database,
        storage=parts.storage,
        state=parts.state,
        access=access,
        uploads=open_uploads(settings, parts, access.upload_tokens),
        delivery=open_delivery(settings, parts, library.files, access.links),
        images=_images(settings, parts),
        library=library,
        operation=_operation(settings, parts, access.watch, signs_in=host is None),
        catalogue=_catalogue(settings, parts),
        host=host,
    )


def _library(settings: Settings, parts: Parts) -> Library:
    keep = timedelta(days=settings.library.undelete_days)
    return Library(
        collections=Collections(parts.database, utc_now, random_id),
        files=Files(parts.database, utc_now, keeps_deleted=bool(keep)),
        deleted=Deleted(parts.database, utc_now, keep),
        arrangement=Arrangement(parts.database, utc_now),
        takedowns=Takedowns(
            database=parts.database,
            storage=parts.storage,
            clock=utc_now,
            new_id=random_id,
            hold=timedelta(seconds=settings.takedowns.hold),
            purge=parts.variants.purge_stored,
        ),
    )


def _images(settings: Settings, parts: Parts) -> Images:
    return Images(
        variants=parts.variants,
        headers=Headers(parts.codec),
        answers=parts.answers,
        own_answers=parts.own_answers,
        policy=image_policy(settings, (parts.secret, *parts.former_secrets)),
        spec_limits=spec_limits(settings, parts.watermarks),
        cleaner=Cleaner(),
        check_cache=parts.check_cache,
        cached_bytes=lambda: parts.cache.size,
    )


def _operation(settings: Settings, parts: Parts, watch: Watch, *, signs_in: bool) -> Operation:
    at_once = AnsweredAtOnce(parts.usage)
    return Operation(
        usage=parts.usage,
        at_once=at_once,
        metrics_text=metrics_text(
            parts.database,
            at_once,
            waiting=lambda: parts.variants.waiting,
            cached_bytes=lambda: parts.variants.cache_bytes,
            keep_s=settings.metrics.keep,
        ),
        webhooks=Webhooks(parts.database, utc_now, random_id),
        limiter=Limiter(settings.limits, parts.state, watch),
        background=Background(),
        hurry=parts.runner.hurry,
        lines=lines_of(signs_in=signs_in),
    )


def _catalogue(settings: Settings, parts: Parts) -> Catalogue:
    of_flickr = settings.flickr
    is_configured = of_flickr.api_key and of_flickr.user_id
    account = FlickrAccount(of_flickr.api_url, of_flickr.api_key, of_flickr.user_id)
    needs = Needs(
        parts.database,
        parts.data_dir / "albums",
        partial(read_quick_header, read_header=parts.codec.read_header),
        settings.images.max_width,
        flickr=account if is_configured else None,
        state=parts.state,
        clock=utc_now,
    )
    return Catalogue(open_sources(needs))
