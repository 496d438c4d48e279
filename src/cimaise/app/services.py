"""Every feature, wired."""

from datetime import timedelta
from functools import partial

from cimaise.access.risk.bans import Bans
from cimaise.albums.catalogue import Catalogue
from cimaise.albums.sources.table import FlickrAccount, Needs, open_sources
from cimaise.app.access import open_access, open_watch
from cimaise.app.delivery import open_outgoing
from cimaise.app.images import image_policy, spec_limits
from cimaise.app.parts import Parts
from cimaise.app.sources import random_id, utc_now
from cimaise.app.uploads import open_cleanup, open_doors
from cimaise.archives.archive import Archives
from cimaise.archives.checksums import Checksums
from cimaise.delivery.open_files import OpenFiles
from cimaise.images.info import Headers
from cimaise.images.metadata.cleaning import Cleaner
from cimaise.images.metadata.quick import read_quick_header
from cimaise.library.arrangement import Arrangement
from cimaise.library.collections import Collections
from cimaise.library.deleted import Deleted
from cimaise.library.files import Files
from cimaise.library.recent import RecentFiles
from cimaise.library.takedowns import Takedowns
from cimaise.originals import Originals
from cimaise.settings import Settings
from cimaise.uploads.capabilities import Capabilities
from cimaise.uploads.fsck import Fsck
from cimaise.uploads.move_keys import KeyMover
from cimaise.uploads.statistics import UploadStatistics
from cimaise.web.asgi.background import Background
from cimaise.web.asgi.host import Host
from cimaise.web.asgi.ready_access_log import AnsweredAtOnce
from cimaise.web.limits.limiting import Limiter
from cimaise.web.operation.metrics import metrics_text
from cimaise.web.routes import lines_of
from cimaise.web.services import Services
from cimaise.webhooks.service import Webhooks


def open_services(settings: Settings, parts: Parts, host: Host | None = None) -> Services:
    """What handlers may call; ``host`` where another application signs people in."""
    access = open_access(settings, parts)
    doors = open_doors(settings, parts, access.upload_tokens)
    outgoing = open_outgoing(settings, parts)
    keep = timedelta(days=settings.library.undelete_days)
    files = Files(parts.database, utc_now, keeps_deleted=bool(keep))
    watch, at_once = open_watch(settings, parts), AnsweredAtOnce(parts.usage)
    return Services(
        settings=settings,
        clock=utc_now,
        database=parts.database,
        storage=parts.storage,
        state=parts.state,
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
        takedowns=Takedowns(
            database=parts.database,
            storage=parts.storage,
            clock=utc_now,
            new_id=random_id,
            hold=timedelta(seconds=settings.takedowns.hold),
            purge=parts.variants.purge_stored,
        ),
        accounts=access.accounts,
        keys=access.keys,
        sessions=access.sessions,
        authenticator=access.authenticator,
        links=access.links,
        rights_changes=access.rights_changes,
        upload_tokens=access.upload_tokens,
        shares=access.shares,
        account_passwords=access.account_passwords,
        challenges=access.challenges,
        registration=access.registration,
        invitations=access.invitations,
        oidc=access.oidc,
        cleaner=Cleaner(),
        direct=doors.direct,
        companion=doors.companion,
        single_forms=doors.single_forms,
        streams=doors.streams,
        tus=doors.tus,
        publisher=doors.publisher,
        collections=Collections(parts.database, utc_now, random_id),
        files=files,
        deleted=Deleted(parts.database, utc_now, keep),
        arrangement=Arrangement(parts.database, utc_now),
        originals=Originals(
            files, access.links, parts.storage, RecentFiles(lambda: parts.answers.changes)
        ),
        guard=outgoing.guard,
        tally=outgoing.tally,
        shared_caches=outgoing.shared_caches,
        edge=outgoing.edge,
        archives=Archives(Checksums(parts.database, utc_now)),
        variants=parts.variants,
        headers=Headers(parts.codec),
        answers=parts.answers,
        own_answers=parts.own_answers,
        open_files=OpenFiles(lambda: parts.answers.changes),
        own_files=OpenFiles(lambda: (parts.answers.changes, parts.own_answers.changes)),
        image_policy=image_policy(settings, (parts.secret, *parts.former_secrets)),
        spec_limits=spec_limits(settings, parts.watermarks),
        catalogue=_catalogue(settings, parts),
        limiter=Limiter(settings.limits, parts.state, watch),
        cleanup=open_cleanup(settings, parts),
        fsck=Fsck(parts.database, parts.storage, utc_now),
        key_mover=KeyMover(parts.database, parts.storage, utc_now, random_id),
        capabilities=Capabilities(parts.database, parts.storage, utc_now, settings.storage.url),
        upload_statistics=UploadStatistics(parts.database, utc_now),
        background=Background(),
        host=host,
        watch=watch,
        bans=Bans(parts.database, utc_now, random_id, watch.hurry),
        lines=lines_of(signs_in=host is None),
        hurry=parts.runner.hurry,
        check_cache=parts.check_cache,
        cached_bytes=lambda: parts.cache.size,
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
