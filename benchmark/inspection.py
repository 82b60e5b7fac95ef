"""Whether results that somebody else sent are what they say they are.

That a folder's files agree with each other and with its name, and can be read and shown. Not that
they are true: whoever wants to be sure of that computes a cell again.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from benchmark import registry
from benchmark.archive import ArchiveError
from benchmark.asked import Wanted
from benchmark.cells import Cell, CellResult, Status
from benchmark.durable import SEAL
from benchmark.report.scales import LANDMARK_SCALES
from benchmark.sent import NAME, RESULT, SHARE, Sent, Trained
from benchmark.store import CELL_RECORD, ENCODER_RECORD, FIELDS, SCORES, folder_name
from benchmark.unpacking import Archive, first_line, parsed
from tasks.manifest import digest
from tasks.preparation import SIDE

#: The most scores of a cell, and the longest name in them.
MOST_ROWS, LONGEST = 1_000_000, 256
#: Metrics that are shares, and distances in pixels of an image at 512 or in its width.
SHARES = ("dice", "iou", *(name for name in LANDMARK_SCALES if name.startswith("success")))
DISTANCES = tuple(name for name in LANDMARK_SCALES if name not in SHARES)
#: The longest distance in a square image, in pixels.
FARTHEST = SIDE * 2.0**0.5
#: How a PNG begins.
FIRST = b"\x89PNG\r\n\x1a\n"


def sealed_alike(archive: Archive, folder: str, files: Iterable[str], record: str) -> None:
    """Insist that a folder is whole and that its own list of digests agrees with the manifest."""
    for name in (SEAL, record):
        if name not in files:
            raise ArchiveError(f"{archive.path}: {folder} has no {name}: it is not whole")
    digests = {name: archive.manifest.files[f"{folder}/{name}"] for name in files if name != SEAL}
    if parsed(archive.read(f"{folder}/{SEAL}"), f"{archive.path}: {folder}/{SEAL}") != digests:
        raise ArchiveError(
            f"{archive.path}: {folder} is not as it was written: its {SEAL} does not agree; have "
            "it exported again"
        )


def cell_in(archive: Archive, name: str, files: list[str]) -> tuple[Wanted, dict[str, Any]]:
    """A cell of an archive as a table wants it, and its encoder's key.

    Raises:
        ArchiveError: If anything about it is not as it is when it is computed.
    """
    folder, what = f"cells/{name}", f"{archive.path}: cells/{name}"
    sealed_alike(archive, folder, files, CELL_RECORD)
    if SCORES not in files:
        raise ArchiveError(f"{what} has no {SCORES}: it is not whole")
    data = archive.read(f"{folder}/{CELL_RECORD}")
    sent, result = cell_of(data, f"{what}/{CELL_RECORD}")
    pretrain: dict[str, Any] = parsed(data, what)["pretrain"]
    encoder = folder_name(result.key.pretrain, sent.fingerprint)
    theirs = (digest(pretrain), sent.pretrain.method, sent.facts.encoder)
    faults = {
        "is not done": result.status is not Status.DONE,
        "has a key of another name": folder_name(result.key.hash, sent.fingerprint) != name,
        "takes a method's name": registry.GIVEN in sent.fingerprint
        and result.key.method in registry.methods(),
        "has another encoder": theirs != (result.key.pretrain, result.key.method, encoder),
    }
    for fault, there in faults.items():
        if there:
            raise ArchiveError(f"{what} {fault}: it was edited, or is of another version")
    readable_scores(archive.read(f"{folder}/{SCORES}"), result.key.stages, f"{what}/{SCORES}")
    for file in files:
        if file.endswith(".png"):
            a_picture(archive.read(f"{folder}/{file}"), f"{what}/{file}")
    cell = Cell(result.key, sent.pretrain, name, encoder, sent.fingerprint)
    return Wanted.by(cell, result.domain, result.source, sent.facts.tuned), pretrain


def cell_of(data: bytes, what: str) -> tuple[Sent, CellResult]:
    """What a cell's JSON says, in the types that everything else relies on."""
    try:
        sent = Sent.model_validate_json(data, strict=True)
        result = RESULT.validate_json(data, strict=True)
        key = result.key
        for word in (key.method, key.task, key.manifest, result.domain, result.source):
            NAME.validate_python(word)
        SHARE.validate_python(key.settings.get("fraction"), strict=True)
    except ValidationError as error:
        raise ArchiveError(f"{what} is no cell of this version: {first_line(error)}") from error
    return sent, result


def readable_scores(data: bytes, stages: Iterable[str], what: str) -> None:
    """Insist that a table of scores has the columns, stages and ranges of one."""
    try:
        file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=FIELDS.names[:3])
        meta = file.metadata
        if meta.num_rows > MOST_ROWS:
            raise ArchiveError(
                f"{what} has {meta.num_rows} rows, but at most {MOST_ROWS} are taken"
            )
        schema = pq.read_schema(pa.BufferReader(data))
        if not schema.equals(FIELDS):
            raise ArchiveError(f"{what} has other columns than {', '.join(FIELDS.names)}")
        frame = file.read().to_pandas()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ArchiveError(f"{what} cannot be read ({type(error).__name__})") from error
    texts = frame[FIELDS.names[:3]]
    long = [n for n in texts for word in texts[n].cat.categories if len(str(word)) > LONGEST]
    shares = frame.loc[frame["metric"].isin(SHARES), "score"]
    away = frame.loc[frame["metric"].isin(DISTANCES), "score"]
    if long or texts.isna().any(axis=None) or texts.duplicated().any():
        raise ArchiveError(
            f"{what} lacks a name, or has one twice or longer than {LONGEST} characters"
        )
    if set(frame["stage"]) != set(stages) or not shares.between(0, 1).all() or shares.empty:
        raise ArchiveError(f"{what} has other stages than its key, or scores outside of [0, 1]")
    if not away.between(0, FARTHEST).all():
        raise ArchiveError(f"{what} has distances below 0 or larger than an image")


def a_picture(data: bytes, what: str) -> None:
    """Insist that masks are a PNG that unpacks to no more than a few hundred megapixels."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:8] != FIRST or not 0 < width * height <= 2**28:
        raise ArchiveError(f"{what} is no PNG of masks")


def encoder_in(archive: Archive, name: str, files: list[str]) -> Mapping[str, Any]:
    """The key of an encoder of an archive.

    Raises:
        ArchiveError: If it is not as it is when it is trained.
    """
    folder, what = f"encoders/{name}", f"{archive.path}: encoders/{name}"
    sealed_alike(archive, folder, files, ENCODER_RECORD)
    data = archive.read(f"{folder}/{ENCODER_RECORD}")
    try:
        trained = Trained.model_validate_json(data, strict=True)
    except ValidationError as error:
        why = first_line(error)
        raise ArchiveError(f"{what}/{ENCODER_RECORD} is of another version: {why}") from error
    key: Mapping[str, Any] = parsed(data, what)["key"]
    if folder_name(digest(key), trained.fingerprint) != name:
        raise ArchiveError(f"{what} has a key of another name: it was edited")
    if sum(trained.phases.values()) != len(trained.losses):
        raise ArchiveError(f"{what} has {len(trained.losses)} losses, not one a step")
    for file in files:
        for _ in archive.chunks(f"{folder}/{file}"):
            pass  # read to its end, where its digest is compared
    return key
