"""The URL map: method, path, handler, permission. One line a route."""

from typing import Final

from starlette.routing import Mount

from cimaise.web.accounts import invitations
from cimaise.web.accounts import own as accounts
from cimaise.web.albums import archives, outlets, share_links, shares
from cimaise.web.albums import contract as albums
from cimaise.web.assets import assets_mount
from cimaise.web.files import deleted, library, links, originals
from cimaise.web.images import iiif
from cimaise.web.images import stored as images
from cimaise.web.limits import challenging
from cimaise.web.limits.limiting import Kind
from cimaise.web.lines import Line, Permission
from cimaise.web.operation import (
    admin,
    audit,
    delivered,
    health,
    metrics,
    risk,
    takedowns,
    webhooks,
)
from cimaise.web.pages import (
    account,
    arranging,
    collections,
    deleted_files,
    file_links,
    joining,
    my_files,
    oidc,
    own_access,
    proving,
    removed_files,
    sharing,
    sign_in,
    uploading,
)
from cimaise.web.pages import albums as walls
from cimaise.web.pages.admin import accounts as desk_accounts
from cimaise.web.pages.admin import overview as desk
from cimaise.web.pages.admin import risks as desk_risks
from cimaise.web.pages.admin import takedowns as desk_takedowns
from cimaise.web.pages.admin import uploads as desk_uploads
from cimaise.web.pages.admin import webhooks as desk_webhooks
from cimaise.web.reference import page as reference
from cimaise.web.replies.cors import Cors
from cimaise.web.shapes import admin as sa
from cimaise.web.shapes import public as s
from cimaise.web.uploads import companion, forms, token_access, tus
from cimaise.web.uploads import direct as uploads
from cimaise.web.uploads import signed_urls as storage

PUBLIC, ACCOUNT, ADMIN = Permission.PUBLIC, Permission.ACCOUNT, Permission.ADMIN
HOLDER: Final = Permission.HOLDER
_UP: Final = Cors.UPLOADS

# fmt: off
LINES: Final = (
    # accounts
    Line("GET", "/api/me", accounts.me, ACCOUNT, "Who am I: role, points, quota.", tag="Accounts"),
    Line("PATCH", "/api/me", accounts.change_me, ACCOUNT, "Set or drop the e-mail address.", body=s.ChangeMe, tag="Accounts"),
    Line("PUT", "/api/me/password", accounts.change_password, ACCOUNT, "Set the password; other sessions end.", body=s.ChangePassword, status=204, tag="Accounts", is_own_sign_in=True),
    Line("GET", "/api/sessions", accounts.list_sessions, ACCOUNT, "Browsers that are signed in.", tag="Accounts", is_own_sign_in=True),
    Line("DELETE", "/api/sessions", accounts.end_other_sessions, ACCOUNT, "Sign out all browsers but this one.", tag="Accounts", is_own_sign_in=True),
    Line("DELETE", "/api/sessions/{id}", accounts.end_session, ACCOUNT, "Sign one browser out.", status=204, tag="Accounts", is_own_sign_in=True),
    Line("POST", "/api/login", accounts.login, PUBLIC, "Start a browser session.", body=s.Login, tag="Accounts", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("GET", "/api/challenge", challenging.offer, HOLDER, "A challenge to be solved before what asks for one.", tag="Accounts", asks_scope=False),
    Line("POST", "/api/challenge", challenging.solve, PUBLIC, "Solve a challenge before uploads ask for it.", status=204, tag="Accounts", counts_as=Kind.SIGN_IN, asks_scope=False),
    Line("POST", "/api/register", invitations.register, PUBLIC, "Make an account where that is open, for a solved challenge.", body=sa.Register, status=201, tag="Accounts", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("POST", "/api/invitations/{token}", invitations.accept, PUBLIC, "Make the account of an invitation.", body=sa.Register, status=201, tag="Accounts", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("POST", "/api/logout", accounts.logout, PUBLIC, "End the browser session.", status=204, tag="Accounts", asks_scope=False, is_own_sign_in=True),
    Line("POST", "/api/keys", accounts.create_key, ACCOUNT, "Make an API key; shown once.", body=s.CreateKey, status=201, tag="Accounts"),
    Line("GET", "/api/keys", accounts.list_keys, ACCOUNT, "The caller's API keys.", tag="Accounts"),
    Line("DELETE", "/api/keys/{id}", accounts.revoke_key, ACCOUNT, "Revoke an API key.", status=204, tag="Accounts"),
    # collections
    Line("POST", "/api/collections", library.create_collection, ACCOUNT, "Make a collection.", body=s.CreateCollection, status=201, tag="Collections"),
    Line("GET", "/api/collections", library.list_collections, PUBLIC, "Collections that the caller may list.", tag="Collections"),
    Line("GET", "/api/collections/{name}", library.show_collection, PUBLIC, "One collection.", tag="Collections"),
    Line("PATCH", "/api/collections/{name}", library.change_collection, ACCOUNT, "Change title, visibility, policy, cover or order.", body=s.ChangeCollection, tag="Collections"),
    Line("PUT", "/api/collections/{name}/order", library.place_files, ACCOUNT, "Hang its files in this order.", body=s.PlaceFiles, tag="Collections"),
    Line("DELETE", "/api/collections/{name}", library.delete_collection, ACCOUNT, "Delete an empty collection.", status=204, tag="Collections"),
    Line("GET", "/api/collections/{name}/members", library.list_members, ACCOUNT, "Who owns it and who belongs to it.", tag="Collections"),
    Line("PUT", "/api/collections/{name}/members/{account}", library.set_member, ACCOUNT, "Give an account a role.", body=s.SetMember, tag="Collections"),
    Line("DELETE", "/api/collections/{name}/members/{account}", library.remove_member, ACCOUNT, "Take an account's role away.", status=204, tag="Collections"),
    Line("GET", "/api/collections/{name}/files", library.list_files, PUBLIC, "Published files, newest first.", tag="Files"),
    Line("POST", "/api/collections/{name}/files", uploads.publish, ACCOUNT, "Publish an upload or an external link.", body=s.PublishFile, status=201, cors=_UP, tag="Files"),
    # uploads
    Line("POST", "/api/uploads", uploads.create, ACCOUNT, "Begin an upload.", body=s.CreateUpload, status=201, cors=_UP, tag="Uploads", counts_as=Kind.UPLOAD),
    Line("GET", "/api/uploads", uploads.mine, ACCOUNT, "The caller's uploads, newest first.", cors=_UP, tag="Uploads"),
    Line("GET", "/api/uploads/{id}", uploads.show, ACCOUNT, "What has arrived of an upload.", cors=_UP, tag="Uploads"),
    Line("DELETE", "/api/uploads/{id}", uploads.abort, ACCOUNT, "End an upload.", status=204, cors=_UP, tag="Uploads"),
    Line("POST", "/api/uploads/{id}/parts", uploads.sign_parts, ACCOUNT, "Fresh URLs for parts.", body=s.PartNumbers, cors=_UP, tag="Uploads"),
    Line("POST", "/api/uploads/{id}/complete", uploads.complete, ACCOUNT, "Join, verify, settle.", body=s.CompleteUpload, cors=_UP, moves_bytes=True, tag="Uploads"),
    Line("PUT", "/storage/{token}", storage.put, PUBLIC, "Send bytes to a signed URL.", cors=_UP, moves_bytes=True, tag="Uploads", counts_as=Kind.FREE),
    Line("GET", "/storage/{token}", storage.get, PUBLIC, "Read bytes from a signed URL.", moves_bytes=True, tag="Files", counts_as=Kind.FREE),
    Line("POST", "/upload", forms.post_form, ACCOUNT, "Send an HTML form with files.", status=201, cors=_UP, moves_bytes=True, tag="Uploads", counts_as=Kind.UPLOAD),
    Line("PUT", "/api/collections/{name}/files/{filename}", forms.put_raw, ACCOUNT, "Send the body as one file.", status=201, cors=_UP, moves_bytes=True, tag="Uploads", counts_as=Kind.UPLOAD),
    Line("POST", "/upload/{token}", forms.post_form, PUBLIC, "Send an HTML form with files, by an upload token.", status=201, cors=_UP, moves_bytes=True, tag="Uploads", counts_as=Kind.UPLOAD),
    Line("POST", "/api/upload-tokens", token_access.create_token, ACCOUNT, "The right to upload into one collection, as URLs.", body=s.CreateUploadToken, status=201, tag="Uploads"),
    Line("GET", "/api/upload-tokens", token_access.list_tokens, ACCOUNT, "The caller's upload tokens.", tag="Uploads"),
    Line("DELETE", "/api/upload-tokens/{id}", token_access.revoke_token, ACCOUNT, "Take an upload token back.", status=204, tag="Uploads"),
    # what @uppy/aws-s3 asks of a Companion
    Line("GET", "/companion/s3/params", companion.params, ACCOUNT, "A form for a file in one request.", cors=_UP, tag="Companion", retell=companion.retell, counts_as=Kind.UPLOAD),
    Line("POST", "/companion/s3/multipart", companion.create, ACCOUNT, "Begin an upload in parts.", body=s.CompanionCreate, cors=_UP, tag="Companion", retell=companion.retell, counts_as=Kind.UPLOAD),
    Line("GET", "/companion/s3/multipart/{id}", companion.parts, ACCOUNT, "Parts that have arrived.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("DELETE", "/companion/s3/multipart/{id}", companion.abort, ACCOUNT, "End an upload.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("GET", "/companion/s3/multipart/{id}/batch", companion.sign_many, ACCOUNT, "URLs for several parts.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("POST", "/companion/s3/multipart/{id}/complete", companion.complete, ACCOUNT, "Join, verify, settle, publish.", body=s.CompanionComplete, cors=_UP, moves_bytes=True, tag="Companion", retell=companion.retell),
    Line("GET", "/companion/s3/multipart/{id}/{part}", companion.sign, ACCOUNT, "A URL for one part.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("GET", "/companion/s3/sts", companion.credentials, ACCOUNT, "Refused: the storage's keys stay here.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("GET", "/companion/{token}/s3/params", companion.params, PUBLIC, "A form for a file in one request, by an upload token.", cors=_UP, tag="Companion", retell=companion.retell, counts_as=Kind.UPLOAD),
    Line("POST", "/companion/{token}/s3/multipart", companion.create, PUBLIC, "Begin an upload in parts, by an upload token.", body=s.CompanionCreate, cors=_UP, tag="Companion", retell=companion.retell, counts_as=Kind.UPLOAD),
    Line("GET", "/companion/{token}/s3/multipart/{id}", companion.parts, PUBLIC, "Parts that have arrived, by an upload token.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("DELETE", "/companion/{token}/s3/multipart/{id}", companion.abort, PUBLIC, "End an upload, by an upload token.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("GET", "/companion/{token}/s3/multipart/{id}/batch", companion.sign_many, PUBLIC, "URLs for several parts, by an upload token.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("POST", "/companion/{token}/s3/multipart/{id}/complete", companion.complete, PUBLIC, "Join, verify, settle, publish, by an upload token.", body=s.CompanionComplete, cors=_UP, moves_bytes=True, tag="Companion", retell=companion.retell),
    Line("GET", "/companion/{token}/s3/multipart/{id}/{part}", companion.sign, PUBLIC, "A URL for one part, by an upload token.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("GET", "/companion/{token}/s3/sts", companion.credentials, PUBLIC, "Refused, by an upload token as well.", cors=_UP, tag="Companion", retell=companion.retell),
    Line("POST", "/files", companion.post_object, PUBLIC, "Send a signed form with one file.", status=201, cors=_UP, moves_bytes=True, tag="Companion", retell=companion.retell, counts_as=Kind.UPLOAD),
    Line("POST", "/tus", tus.create, ACCOUNT, "Begin an upload (tus 1.0.0).", status=201, cors=_UP, moves_bytes=True, tag="Uploads", headers=tus.HEADERS, retell=tus.retell, counts_as=Kind.UPLOAD),
    Line("POST", "/tus/", tus.create, ACCOUNT, "Begin an upload (tus 1.0.0).", status=201, cors=_UP, moves_bytes=True, tag="Uploads", headers=tus.HEADERS, retell=tus.retell, counts_as=Kind.UPLOAD),
    Line("OPTIONS", "/tus", tus.options, HOLDER, "What tus can do here.", cors=_UP, tag="Uploads", counts_as=Kind.UPLOAD),
    Line("OPTIONS", "/tus/", tus.options, HOLDER, "What tus can do here.", cors=_UP, tag="Uploads", counts_as=Kind.UPLOAD),
    Line("POST", "/tus/{token}/", tus.create, PUBLIC, "Begin an upload (tus 1.0.0), by an upload token.", status=201, cors=_UP, moves_bytes=True, tag="Uploads", headers=tus.HEADERS, retell=tus.retell, counts_as=Kind.UPLOAD),
    Line("OPTIONS", "/tus/{token}/", tus.options, HOLDER, "What tus can do here.", cors=_UP, tag="Uploads", counts_as=Kind.UPLOAD),
    Line("HEAD", "/tus/{id}", tus.show, HOLDER, "What has arrived of an upload (tus).", cors=_UP, moves_bytes=True, tag="Uploads", headers=tus.HEADERS, retell=tus.retell, is_overridable=True, counts_as=Kind.FREE),
    Line("PATCH", "/tus/{id}", tus.append, HOLDER, "Send bytes of an upload (tus).", status=204, cors=_UP, moves_bytes=True, tag="Uploads", headers=tus.HEADERS, retell=tus.retell, is_overridable=True, counts_as=Kind.FREE),
    Line("DELETE", "/tus/{id}", tus.terminate, HOLDER, "End an upload (tus).", status=204, cors=_UP, tag="Uploads", headers=tus.HEADERS, retell=tus.retell, is_overridable=True, counts_as=Kind.FREE),
    Line("OPTIONS", "/tus/{id}", tus.options, HOLDER, "What tus can do here.", cors=_UP, tag="Uploads", counts_as=Kind.FREE),
    # files
    Line("GET", "/api/files", library.list_own_files, ACCOUNT, "The caller's files, newest first.", tag="Files"),
    Line("GET", "/api/files/{id}", library.show_file, PUBLIC, "One file as a record.", tag="Files"),
    Line("PATCH", "/api/files/{id}", library.change_file, ACCOUNT, "Change title, note, visibility or collection.", body=s.ChangeFile, tag="Files"),
    Line("DELETE", "/api/files/{id}", library.delete_file, ACCOUNT, "Delete a file.", status=204, tag="Files"),
    Line("POST", "/api/files/{id}/restore", deleted.restore, ACCOUNT, "Bring back a deleted file.", tag="Files"),
    Line("GET", "/api/deleted-files", deleted.list_deleted, ACCOUNT, "The caller's deleted files that can be brought back; ?all=1 for administrators.", tag="Files"),
    Line("DELETE", "/api/deleted-files/{id}", deleted.purge, ACCOUNT, "Give the bytes of a deleted file up now.", status=204, tag="Files"),
    Line("GET", "/api/zip", archives.selection, PUBLIC, "Files by their ids as one ZIP archive: ?file=…&file=….", moves_bytes=True, tag="Files"),
    Line("GET", "/api/collections/{name}/zip", archives.collection, PUBLIC, "A collection, or ?file=… of it, as a ZIP archive.", moves_bytes=True, tag="Files"),
    Line("POST", "/api/files/{id}/links", links.create_link, ACCOUNT, "A signed link to a file.", body=s.CreateLink, status=201, tag="Files"),
    Line("GET", "/api/files/{id}/links", links.list_links, ACCOUNT, "Links that still open a file.", tag="Files"),
    Line("DELETE", "/api/files/{id}/links", links.revoke_links_of_file, ACCOUNT, "Take back every link to a file.", tag="Files"),
    Line("DELETE", "/api/links", links.revoke_links, ACCOUNT, "Take back every link of an account, or of its ?key=….", tag="Files"),
    Line("DELETE", "/api/links/{id}", links.revoke_link, ACCOUNT, "Take a link back.", status=204, tag="Files"),
    Line("GET", "/files/{id}", originals.original, PUBLIC, "The untouched bytes.", moves_bytes=True, tag="Files"),
    Line("GET", "/images/{id}/original", originals.original, PUBLIC, "The untouched bytes.", moves_bytes=True, tag="Files"),
    # images
    Line("GET", "/resize", images.resize, PUBLIC, "A remote or album picture at another size.", cors=Cors.PUBLIC, tag="Images", counts_as=Kind.PICTURE),
    Line("GET", "/images/{id}", images.variant, PUBLIC, "A stored picture at another size.", tag="Images", counts_as=Kind.PICTURE),
    Line("GET", "/images/{id}/info", images.info, PUBLIC, "Facts of a stored picture.", tag="Images", counts_as=Kind.PICTURE),
    Line("GET", "/images/{id}/{preset}", images.preset, PUBLIC, "A stored picture at a named size.", tag="Images", counts_as=Kind.PICTURE),
    Line("GET", "/iiif/3/{id}", iiif.base, PUBLIC, "Where a picture is described (IIIF Image API 3.0).", status=303, cors=Cors.PUBLIC, tag="IIIF", counts_as=Kind.PICTURE),
    Line("GET", "/iiif/3/{id}/info.json", iiif.information, PUBLIC, "A picture described (IIIF Image API 3.0).", cors=Cors.PUBLIC, tag="IIIF", counts_as=Kind.PICTURE),
    Line("GET", "/iiif/3/{id}/{region}/{size}/{rotation}/{quality}.{format}", iiif.image, PUBLIC, "A region of a picture (IIIF Image API 3.0).", cors=Cors.PUBLIC, tag="IIIF", counts_as=Kind.PICTURE),
    Line("GET", "/iiif/2/{id}", iiif.base, PUBLIC, "Where a picture is described (IIIF Image API 2.1.1).", status=303, cors=Cors.PUBLIC, tag="IIIF", counts_as=Kind.PICTURE),
    Line("GET", "/iiif/2/{id}/info.json", iiif.information, PUBLIC, "A picture described (IIIF Image API 2.1.1).", cors=Cors.PUBLIC, tag="IIIF", counts_as=Kind.PICTURE),
    Line("GET", "/iiif/2/{id}/{region}/{size}/{rotation}/{quality}.{format}", iiif.image, PUBLIC, "A region of a picture (IIIF Image API 2.1.1).", cors=Cors.PUBLIC, tag="IIIF", counts_as=Kind.PICTURE),
    # albums
    Line("GET", "/api/albums", albums.index, PUBLIC, "Albums.", cors=Cors.PUBLIC, tag="Albums"),
    Line("GET", "/api/albums/{album}", albums.show, PUBLIC, "One page of an album.", cors=Cors.PUBLIC, tag="Albums"),
    Line("GET", "/api/albums/{album}/zip", archives.album, PUBLIC, "An album's pictures, or ?file=… of them, as a ZIP archive.", moves_bytes=True, tag="Albums"),
    Line("GET", "/api/albums/{album}/manifest", outlets.presentation, PUBLIC, "An album as a manifest (IIIF Presentation 3.0).", cors=Cors.PUBLIC, tag="IIIF", counts_as=Kind.PICTURE),
    Line("GET", "/gallery/{album}/feed.xml", outlets.rss, PUBLIC, "An album's newest pictures as RSS.", cors=Cors.PUBLIC, tag="Albums"),
    Line("GET", "/gallery/{album}/feed.json", outlets.json_feed, PUBLIC, "An album's newest pictures as a JSON Feed.", cors=Cors.PUBLIC, tag="Albums"),
    Line("GET", "/oembed", outlets.embed_answer, PUBLIC, "How a gallery's page is embedded (oEmbed 1.0).", cors=Cors.PUBLIC, tag="Albums"),
    Line("GET", "/embed/{album}", outlets.embedded, PUBLIC, "An album to be framed by other pages.", tag="Pages"),
    Line("GET", "/embed.js", outlets.element, PUBLIC, "The module of the element cimaise-gallery.", cors=Cors.PUBLIC, tag="Pages"),
    Line("GET", "/sitemap.xml", outlets.site_map, PUBLIC, "Public albums, for search engines.", tag="Pages"),
    Line("GET", "/robots.txt", outlets.robots_text, PUBLIC, "What search engines may look at.", tag="Pages"),
    Line("POST", "/api/albums/{album}/shares", share_links.create, ACCOUNT, "A share link to an album.", body=s.CreateShare, status=201, tag="Shares"),
    Line("GET", "/api/albums/{album}/shares", share_links.index, ACCOUNT, "Share links to an album.", tag="Shares"),
    Line("DELETE", "/api/shares/{id}", share_links.revoke, ACCOUNT, "Take a share link back.", status=204, tag="Shares"),
    Line("GET", "/s/{token}", shares.show, HOLDER, "A shared album, for people.", tag="Shares", asks_scope=False),
    Line("POST", "/s/{token}", shares.unlock, HOLDER, "Open a shared album by its password.", status=303, tag="Shares", asks_scope=False),
    Line("GET", "/s/{token}/album.json", shares.album, HOLDER, "One page of a shared album.", tag="Shares", asks_scope=False),
    Line("GET", "/s/{token}/feed.xml", shares.rss, HOLDER, "The newest pictures of a shared album as RSS.", tag="Shares", asks_scope=False),
    Line("GET", "/s/{token}/feed.json", shares.json_feed, HOLDER, "The newest pictures of a shared album as a JSON Feed.", tag="Shares", asks_scope=False),
    Line("GET", "/s/{token}/pictures/{picture}", shares.picture, HOLDER, "A picture of a shared album.", tag="Shares", asks_scope=False),
    Line("GET", "/s/{token}/downloads/{picture}", shares.download, HOLDER, "A picture of a shared album, to keep.", moves_bytes=True, tag="Shares", asks_scope=False),
    Line("GET", "/s/{token}/archive.zip", shares.archive, HOLDER, "The originals of a shared album as a ZIP archive.", moves_bytes=True, tag="Shares", asks_scope=False),
    Line("GET", "/s/{token}/left-out", shares.left_out, HOLDER, "What the archive of a shared album leaves out, for people.", moves_bytes=True, tag="Shares", asks_scope=False),
    Line("GET", "/albums/{album}/{file}", albums.file, PUBLIC, "A file of a folder album.", cors=Cors.PUBLIC, moves_bytes=True, tag="Albums"),
    Line("GET", "/albums/{album}/{file}/info", images.album_info, PUBLIC, "Facts of a picture of a folder album.", cors=Cors.PUBLIC, tag="Albums"),
    # pages
    Line("GET", "/", walls.index, PUBLIC, "The albums, for people.", tag="Pages"),
    Line("GET", "/gallery/{album}", walls.gallery, PUBLIC, "An album, for people.", tag="Pages"),
    Line("GET", "/gallery/{album}/arrange", arranging.arrange, PUBLIC, "Hanging a collection's pictures, for people.", tag="Pages"),
    Line("POST", "/gallery/{album}/arrange", arranging.change_wall, ACCOUNT, "Change a collection by the page's form.", status=303, tag="Pages"),
    Line("POST", "/gallery/{album}/arrange/{id}", arranging.change_picture, ACCOUNT, "Hang, name, move or delete a picture by the page's form.", status=303, tag="Pages"),
    Line("GET", "/collections/new", collections.new, PUBLIC, "Making a collection, for people.", tag="Pages"),
    Line("POST", "/collections/new", collections.create, ACCOUNT, "Make a collection by the page's form.", status=303, tag="Pages"),
    Line("GET", "/gallery/{album}/settings", collections.settings, PUBLIC, "A collection's title, rules and members, for people.", tag="Pages"),
    Line("POST", "/gallery/{album}/settings", collections.change, ACCOUNT, "Change a collection's title and rules by the page's form.", status=303, tag="Pages"),
    Line("POST", "/gallery/{album}/settings/members", collections.change_member, ACCOUNT, "Give or take a role in a collection by the page's form.", status=303, tag="Pages"),
    Line("GET", "/gallery/{album}/settings/delete", collections.deletion, PUBLIC, "Whether a collection is really to go, for people.", tag="Pages"),
    Line("POST", "/gallery/{album}/settings/delete", collections.delete, ACCOUNT, "Delete an empty collection by the page's form.", status=303, tag="Pages"),
    Line("GET", "/gallery/{album}/shares", sharing.shares, PUBLIC, "Share links to an album, for people.", tag="Pages"),
    Line("POST", "/gallery/{album}/shares", sharing.make, ACCOUNT, "Make a share link by the page's form.", status=303, tag="Pages"),
    Line("POST", "/gallery/{album}/shares/{id}", sharing.change, ACCOUNT, "Take a share link back by the page's form.", status=303, tag="Pages"),
    Line("GET", "/upload", uploading.upload_page, PUBLIC, "Uploading, for people.", tag="Pages"),
    Line("POST", "/challenge", proving.prove, PUBLIC, "Solve a challenge by the page's form.", status=303, tag="Pages", counts_as=Kind.SIGN_IN),
    Line("GET", "/upload/{token}", uploading.token_page, PUBLIC, "Uploading by an upload token, for people.", tag="Pages"),
    Line("GET", "/me", account.me, PUBLIC, "One's own account, for people.", tag="Pages"),
    Line("GET", "/me/access", own_access.show, PUBLIC, "How one signs in, for people.", tag="Pages"),
    Line("POST", "/me/access/password", own_access.change_password, ACCOUNT, "Set the password by the page's form.", status=303, tag="Pages", is_own_sign_in=True),
    Line("POST", "/me/access/email", own_access.change_email, ACCOUNT, "Set the e-mail address by the page's form.", status=303, tag="Pages", is_own_sign_in=True),
    Line("POST", "/me/access/sessions", own_access.end_sessions, ACCOUNT, "Sign browsers out by the page's form.", status=303, tag="Pages", is_own_sign_in=True),
    Line("POST", "/me/access/keys", own_access.create_key, ACCOUNT, "Make an API key by the page's form.", tag="Pages"),
    Line("POST", "/me/access/keys/{id}", own_access.revoke_key, ACCOUNT, "Revoke an API key by the page's form.", status=303, tag="Pages"),
    Line("GET", "/me/files", my_files.my_files, PUBLIC, "One's own files, for people.", tag="Pages"),
    Line("POST", "/me/files/{id}", my_files.change_my_file, ACCOUNT, "Change or delete a file by the page's form.", status=303, tag="Pages"),
    Line("GET", "/me/files/{id}/links", file_links.links, PUBLIC, "Signed links to a file, for people.", tag="Pages"),
    Line("POST", "/me/files/{id}/links", file_links.make, ACCOUNT, "Make a signed link, or take all back, by the page's form.", status=303, tag="Pages"),
    Line("POST", "/me/files/{id}/links/{link}", file_links.change, ACCOUNT, "Take a signed link back by the page's form.", status=303, tag="Pages"),
    Line("GET", "/me/removed", removed_files.show, PUBLIC, "Own files that were removed for legal reasons, for people.", tag="Pages"),
    Line("POST", "/me/removed/{id}", removed_files.counter, ACCOUNT, "Object to a removal by the page's form.", status=303, tag="Pages"),
    Line("GET", "/me/deleted", deleted_files.show, PUBLIC, "Files that can be brought back, for people.", tag="Pages"),
    Line("POST", "/me/deleted/{id}", deleted_files.change, ACCOUNT, "Bring back or give up a deleted file by the page's form.", status=303, tag="Pages"),
    Line("GET", "/admin", desk.overview, PUBLIC, "The installation at a glance, for administrators.", tag="Pages"),
    Line("POST", "/admin/cleanup", desk.clean_up, ADMIN, "Clean up, or ask what that would free, by the page's form.", status=303, moves_bytes=True, tag="Pages"),
    Line("GET", "/admin/accounts", desk_accounts.accounts, PUBLIC, "Accounts, for administrators.", tag="Pages"),
    Line("POST", "/admin/accounts", desk_accounts.create, ADMIN, "Make an account by the page's form.", tag="Pages"),
    Line("POST", "/admin/accounts/{name}", desk_accounts.change, ADMIN, "Change an account by the page's form.", status=303, tag="Pages"),
    Line("GET", "/admin/risks", desk_risks.show, PUBLIC, "Scores and bans, for administrators.", tag="Pages"),
    Line("POST", "/admin/risks", desk_risks.change, ADMIN, "Ban or lift a ban by the page's form.", status=303, tag="Pages"),
    Line("POST", "/admin/invitations", desk_accounts.invite, ADMIN, "Invite somebody by the page's form.", tag="Pages", is_own_sign_in=True),
    Line("POST", "/admin/invitations/{id}", desk_accounts.revoke_invitation, ADMIN, "Take an invitation back by the page's form.", status=303, tag="Pages", is_own_sign_in=True),
    Line("GET", "/admin/uploads", desk_uploads.uploads, PUBLIC, "All uploads, for administrators.", tag="Pages"),
    Line("POST", "/admin/uploads/{id}", desk_uploads.abort, ADMIN, "End an upload by the page's form.", status=303, tag="Pages"),
    Line("GET", "/admin/takedowns", desk_takedowns.takedowns, PUBLIC, "Take-downs, for administrators.", tag="Pages"),
    Line("POST", "/admin/takedowns", desk_takedowns.take_down, ADMIN, "Take something down by the page's form.", status=303, tag="Pages"),
    Line("POST", "/admin/takedowns/{id}", desk_takedowns.restore, ADMIN, "Bring back what was taken down by the page's form.", status=303, tag="Pages"),
    Line("GET", "/admin/webhooks", desk_webhooks.webhooks, PUBLIC, "Webhooks, for administrators.", tag="Pages"),
    Line("POST", "/admin/webhooks", desk_webhooks.create, ADMIN, "Make a webhook by the page's form.", tag="Pages"),
    Line("GET", "/admin/webhooks/{id}", desk_webhooks.deliveries, PUBLIC, "What a webhook was told, for administrators.", tag="Pages"),
    Line("POST", "/admin/webhooks/{id}", desk_webhooks.change, ADMIN, "End a webhook or send a message again by the page's form.", status=303, tag="Pages"),
    Line("GET", "/login", sign_in.login_page, PUBLIC, "Signing in, for people.", tag="Pages", asks_scope=False, is_own_sign_in=True),
    Line("POST", "/login", sign_in.sign_in, PUBLIC, "Sign in by the page's form.", status=303, tag="Pages", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("GET", "/join/{token}", joining.join_page, PUBLIC, "An invitation, for people.", tag="Pages", asks_scope=False, is_own_sign_in=True),
    Line("POST", "/join/{token}", joining.join, PUBLIC, "Accept an invitation by the page's form.", status=303, tag="Pages", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("GET", "/register", joining.register_page, PUBLIC, "Registering, for people.", tag="Pages", asks_scope=False, is_own_sign_in=True),
    Line("POST", "/register", joining.register, PUBLIC, "Register by the page's form.", status=303, tag="Pages", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("GET", "/oidc/start", oidc.start, PUBLIC, "Off to the sign-in provider, for people.", status=302, tag="Pages", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("GET", "/oidc/callback", oidc.finish, PUBLIC, "Back from the sign-in provider, for people.", status=302, tag="Pages", counts_as=Kind.SIGN_IN, asks_scope=False, is_own_sign_in=True),
    Line("POST", "/me/access/oidc", oidc.connect, ACCOUNT, "Connect the account with the provider by the page's form.", tag="Pages", is_own_sign_in=True),
    Line("GET", "/signed-out", oidc.signed_out, PUBLIC, "After signing out, for people.", tag="Pages", asks_scope=False, is_own_sign_in=True),
    Line("POST", "/logout", sign_in.sign_out, PUBLIC, "Sign out by the page's form.", status=303, tag="Pages", asks_scope=False, is_own_sign_in=True),
    # operation
    Line("GET", "/api/admin/accounts", admin.list_accounts, ADMIN, "Every account: limits and use.", tag="Administration"),
    Line("POST", "/api/admin/accounts", admin.create_account, ADMIN, "Make an account; its first key is shown once.", body=s.CreateAccount, status=201, tag="Administration"),
    Line("PATCH", "/api/admin/accounts/{name}", admin.change_account, ADMIN, "Change limits or role, disable, enable.", body=s.ChangeAccount, tag="Administration"),
    Line("POST", "/api/admin/invitations", invitations.create_invitation, ADMIN, "The right to make one account; its address is shown once.", body=sa.CreateInvitation, status=201, tag="Administration", is_own_sign_in=True),
    Line("GET", "/api/admin/invitations", invitations.list_invitations, ADMIN, "Invitations that are open or were used.", tag="Administration", is_own_sign_in=True),
    Line("DELETE", "/api/admin/invitations/{id}", invitations.revoke_invitation, ADMIN, "Take an invitation back.", status=204, tag="Administration", is_own_sign_in=True),
    Line("GET", "/api/admin/uploads", admin.list_uploads, ADMIN, "The uploads of all accounts, newest first.", tag="Administration"),
    Line("GET", "/api/admin/uploads/stats", admin.upload_statistics, ADMIN, "Uploads by day and account.", tag="Administration"),
    Line("POST", "/api/admin/cleanup", admin.clean_up, ADMIN, "One run of the clean-up, or what it would free.", body=s.CleanUp, moves_bytes=True, tag="Administration"),
    Line("GET", "/api/admin/delivery", delivered.show, ADMIN, "What was delivered: files, accounts, visitors; ?days=30.", tag="Administration"),
    Line("GET", "/healthz", health.alive, PUBLIC, "The process is alive.", tag="Operation", counts_as=Kind.FREE, asks_scope=False, is_watch=True),
    Line("GET", "/readyz", health.ready, PUBLIC, "Everything that is needed can be reached.", tag="Operation", counts_as=Kind.FREE, asks_scope=False, is_watch=True),
    Line("GET", "/metrics", metrics.metrics, HOLDER, "Counters for Prometheus.", tag="Operation", counts_as=Kind.FREE, asks_scope=False, is_watch=True),
    Line("POST", "/api/admin/takedowns", takedowns.create_takedown, ADMIN, "Remove for legal reasons; the answer is the receipt.", body=sa.CreateTakedown, status=201, tag="Administration"),
    Line("GET", "/api/admin/takedowns", takedowns.list_takedowns, ADMIN, "What was removed for legal reasons.", tag="Administration"),
    Line("POST", "/api/admin/takedowns/{id}/restore", takedowns.restore_takedown, ADMIN, "Bring back what was removed, while it is held.", body=sa.RestoreTakedown, tag="Administration"),
    Line("GET", "/api/takedowns", takedowns.list_own_takedowns, ACCOUNT, "What was removed for legal reasons of one's own files.", tag="Files"),
    Line("POST", "/api/takedowns/{id}/counter-notice", takedowns.counter_takedown, ACCOUNT, "Object to the removal of one's own file.", body=sa.CounterNotice, tag="Files"),
    Line("GET", "/api/admin/risks", risk.list_risks, ADMIN, "Who has a score, what it is made of, and what it leads to.", tag="Administration"),
    Line("POST", "/api/admin/bans", risk.create_ban, ADMIN, "Keep an account or a network out.", body=sa.CreateBan, status=201, tag="Administration"),
    Line("GET", "/api/admin/bans", risk.list_bans, ADMIN, "Every ban, the newest first.", tag="Administration"),
    Line("DELETE", "/api/admin/bans/{id}", risk.lift_ban, ADMIN, "Let them in again.", status=204, tag="Administration"),
    Line("GET", "/api/admin/audit", audit.list_entries, ADMIN, "Who did what, when, from where and why.", tag="Administration"),
    Line("POST", "/api/admin/webhooks", webhooks.create_webhook, ADMIN, "Tell an address of events; the secret is shown once.", body=sa.CreateWebhook, status=201, tag="Administration"),
    Line("GET", "/api/admin/webhooks", webhooks.list_webhooks, ADMIN, "Who is told of what.", tag="Administration"),
    Line("DELETE", "/api/admin/webhooks/{id}", webhooks.end_webhook, ADMIN, "Tell it nothing any more.", status=204, tag="Administration"),
    Line("GET", "/api/admin/webhooks/{id}/deliveries", webhooks.list_deliveries, ADMIN, "What it was told, the newest first.", tag="Administration"),
    Line("POST", "/api/admin/webhooks/{id}/deliveries/{delivery}/replay", webhooks.replay_delivery, ADMIN, "Send it again.", status=202, tag="Administration"),
    Line("GET", "/docs", reference.docs, PUBLIC, "This interface, for people.", tag="Operation", asks_scope=False),
    Line("GET", "/openapi.json", reference.openapi, PUBLIC, "This interface as OpenAPI 3.1.", cors=Cors.PUBLIC, tag="Operation", asks_scope=False),
)
# fmt: on


def lines_of(*, signs_in: bool) -> tuple[Line, ...]:
    """The URL map; without signing in where another application does that."""
    return tuple(line for line in LINES if signs_in or not line.is_own_sign_in)


def mounts() -> list[Mount]:
    """What is served as it lies: styles and modules of the pages."""
    return [assets_mount()]
