"""`lookalike ingest` and `lookalike delete`: a shop's catalog into the server and out of it.

lookalike.py hangs COMMANDS into its tree.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
import platformdirs
from rich.console import Console
from rich.progress import Progress as Bar

from catalog.errors import LookalikeError
from catalog.names import name_after
from ingest.client import ApiClient
from ingest.connection import find_connection
from ingest.downloads import Downloader
from ingest.feeds.feed import READERS, count_rows, read_feed
from ingest.feeds.record import FIELDS, ReadOptions
from ingest.photos import PhotoSource
from ingest.printing import (
    BarProgress,
    RejectsFile,
    print_rejects,
    print_report,
    print_status,
)
from ingest.report import Report
from ingest.seen_urls import SeenUrls
from ingest.upload import UploadOptions, upload_catalog
from lookalike_client.answers import CatalogStatus

POLL_S = 1.0
ROWS_FAILED = 1
CANNOT_RUN = 2


class _MappingType(click.ParamType[tuple[str, str]]):
    """COLUMN=FIELD, where FIELD is one of FIELDS; the column may hold "=" itself."""

    name = "column=field"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        column, mark, field = value.rpartition("=")
        if not mark or not column or field not in FIELDS:
            self.fail(f"{value!r}: write COLUMN=FIELD, with FIELD one of {', '.join(FIELDS)}")
        return column, field


def _connection_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--home",
            type=click.Path(path_type=Path),
            envvar="LOOKALIKE_HOME",
            default=".lookalike",
            show_default=True,
            help="Folder of the local stack, asked when --server or --token is missing.",
        ),
        click.option("--token", envvar="LOOKALIKE_TOKEN", help="Token with the scope `ingest`."),
        click.option("--server", envvar="LOOKALIKE_SERVER", help="The server's address."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("feed", type=click.Path(path_type=Path))
@click.option("--catalog", help="The catalog's name.  [default: the feed's name]")
@_connection_options
@click.option(
    "--format", "format_", type=click.Choice(list(READERS)), help="Instead of finding out."
)
@click.option(
    "--map",
    "columns",
    type=_MappingType(),
    multiple=True,
    help="Which column holds a field; may be repeated.",
)
@click.option("--encoding", help="The feed's encoding.  [default: utf-8]")
@click.option(
    "--photo-root",
    help="Folder or URL that photo paths are relative to.  [default: the feed's folder]",
)
@click.option(
    "--allow-private-addresses", is_flag=True, help="Fetch photos from private networks too."
)
@click.option("--prune", is_flag=True, help="Delete the catalog's items that are not in the feed.")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@click.option(
    "--rejects", type=click.Path(path_type=Path), help="Write rejected rows to this CSV file."
)
@click.option("--wait", is_flag=True, help="Wait until every photo is indexed or failed.")
def ingest(
    feed: Path,
    catalog: str | None,
    server: str | None,
    token: str | None,
    home: Path,
    format_: str | None,
    columns: tuple[tuple[str, str], ...],
    encoding: str | None,
    photo_root: str | None,
    allow_private_addresses: bool,
    prune: bool,
    dry_run: bool,
    rejects: Path | None,
    wait: bool,
) -> None:
    """Send a product feed or a folder of photos to the server.

    FEED is a CSV, TSV or JSON Lines file, a Google Merchant Center feed (TSV or XML), a Shopify
    or Magento product export, or a folder of photos. Running it again changes only what has
    changed. Ends with 0 if every row was taken, 1 if some were rejected (with --wait also if
    photos of the catalog failed), 2 if it could not run.
    """
    console = Console(stderr=False)
    options = UploadOptions(catalog or name_after(feed), prune, dry_run)
    reading = ReadOptions(format_, encoding, dict(columns))
    with _exit_on_error(console), _client(server, token, home) as client:
        with _photo_source(feed, photo_root, allow_private_addresses) as photos:
            report = _run(console, client, feed, reading, photos, options, rejects)
        print_rejects(console, report, rejects)
        print_report(console, report, dry_run)
        failed = 0
        if wait and not dry_run:
            status = wait_until_indexed(client, options.catalog, console)
            print_status(console, options.catalog, status)
            failed = status.photos.get("failed", 0)
    if report.rejected or failed:
        raise SystemExit(ROWS_FAILED)


@click.command()
@click.argument("sku")
@click.option("--catalog", required=True, help="The catalog's name.")
@_connection_options
def delete(sku: str, catalog: str, server: str | None, token: str | None, home: Path) -> None:
    """Delete one item and everything of it: photos that no other item shows, garments, vectors."""
    console = Console()
    with _exit_on_error(console), _client(server, token, home) as client:
        client.delete_item(catalog, sku)
        console.print(f"Deleted {sku} from {catalog}.", markup=False)


COMMANDS: Mapping[str, click.Command] = {"ingest": ingest, "delete": delete}


def wait_until_indexed(
    client: ApiClient,
    catalog: str,
    console: Console,
    sleep: Callable[[float], None] = time.sleep,
) -> CatalogStatus:
    """Ask until every photo is indexed or failed and the index has caught up, showing how far."""
    with Bar(console=console) as bar:
        task = bar.add_task("Indexing photos", total=None)
        while True:
            status = client.get_status(catalog)
            total = sum(status.photos.values())
            bar.update(task, total=total, completed=total - status.unfinished)
            if not status.unfinished and not status.behind:
                return status
            sleep(POLL_S)


def _run(
    console: Console,
    client: ApiClient,
    feed: Path,
    reading: ReadOptions,
    photos: PhotoSource,
    options: UploadOptions,
    rejects: Path | None,
) -> Report:
    total_rows = count_rows(feed, reading)
    rows = read_feed(feed, reading)
    with RejectsFile(rejects) as file, BarProgress(console, total_rows, file) as progress:
        return upload_catalog(client, rows, photos, options, progress)


@contextmanager
def _client(server: str | None, token: str | None, home: Path) -> Iterator[ApiClient]:
    connection = find_connection(server, token, home)
    with ApiClient(connection.server, connection.token) as client:
        yield client


@contextmanager
def _photo_source(feed: Path, photo_root: str | None, allow_private: bool) -> Iterator[PhotoSource]:
    is_url = (photo_root or "").startswith(("http://", "https://"))
    folder = feed if feed.is_dir() else feed.parent
    root = photo_root.rstrip("/") + "/" if photo_root and is_url else Path(photo_root or folder)
    seen = SeenUrls(Path(platformdirs.user_cache_dir("lookalike")) / "photos")
    downloader = Downloader(allow_private=allow_private)
    try:
        with tempfile.TemporaryDirectory(prefix="lookalike-") as spool:
            yield PhotoSource(root, downloader, seen, Path(spool))
    finally:
        downloader.close()


@contextmanager
def _exit_on_error(console: Console) -> Iterator[None]:
    """Print what went wrong in one line and end with CANNOT_RUN; Ctrl-C ends with 130."""
    try:
        yield
    except LookalikeError as error:
        Console(stderr=True).print(str(error), style="bold red", markup=False)
        raise SystemExit(CANNOT_RUN) from error
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped. The same command again sends only the rest.")
        raise SystemExit(130) from None
