"""What a merchandiser can do about a photo that failed.

Called by the pages that list failures. The reasons are those that workers and uploads write.
"""

from dataclasses import dataclass

from catalog.photos.lost import BYTES_LOST


@dataclass(frozen=True)
class Remedy:
    """What is wrong in plain words, what to do about it, and whether a retry alone may help."""

    problem: str
    remedy: str
    retry_helps: bool = False


_KNOWN = (
    (
        BYTES_LOST,
        Remedy(
            "The server has lost the photo's file",
            "Run the ingest of its feed again: it sends the photo anew",
        ),
    ),
    (
        "its worker died",
        Remedy(
            "The program that looks at photos broke down on this one",
            "Retry once; if it fails again, replace the photo in the feed and tell the operator",
            retry_helps=True,
        ),
    ),
    (
        "the models failed",
        Remedy(
            "The models could not work on it, most often because memory ran out",
            "Retry when the server is less busy; if it fails again, send a smaller photo",
            retry_helps=True,
        ),
    ),
    (
        "pixels; at most",
        Remedy("The photo has too many pixels", "Send it smaller: the limit is named below"),
    ),
    (
        "bytes; at most",
        Remedy("The photo's file is too large", "Send it with stronger compression or smaller"),
    ),
    (
        "damaged or incomplete",
        Remedy("The photo's file is damaged or cut off", "Export it again and send the feed anew"),
    ),
    (
        "an animation",
        Remedy("It is an animation", "Put a still photo in its place"),
    ),
    (
        "only JPEG, PNG and WebP",
        Remedy("Its format can't be read", "Convert it to JPEG, PNG or WebP"),
    ),
    (
        "no JPEG, PNG or WebP file",
        Remedy("The file is no photo", "Put a JPEG, PNG or WebP photo in its place"),
    ),
    (
        "it failed",
        Remedy(
            "Indexing it failed again and again",
            "Retry; if it fails again, the words below are for the operator",
            retry_helps=True,
        ),
    ),
)


def find_remedy(reason: str | None) -> Remedy:
    """The remedy for a failed photo's reason; a reason that nobody foresaw can be retried."""
    for words, remedy in _KNOWN:
        if reason and words in reason:
            return remedy
    unknown = "It could not be indexed"
    return Remedy(unknown, "Retry; if it fails again, tell the operator", retry_helps=True)
