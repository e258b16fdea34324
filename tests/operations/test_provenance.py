"""Every result says how AI took part: operations x providers x file types, and what marks go through on their way."""

import base64
import io
import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

from image_studio.imaging.content_credentials import History, SigningIdentity, read_manifest, sign
from image_studio.imaging.encode import encode
from image_studio.imaging.xmp import Mark, read_mark
from image_studio.operations import convert, create, generate, provenance, social
from image_studio.operations.table import OPERATIONS
from image_studio.providers.adapter import ProviderImage
from image_studio.schemas import convert as files
from image_studio.schemas.common import FileType
from image_studio.schemas.convert import TargetType
from image_studio.schemas.create import CreateRequest
from image_studio.schemas.limits import SourceType
from image_studio.schemas.single_image import EditRequest, UpscaleRequest
from image_studio.schemas.social import SocialRequest
from local.certificate import make_identity
from tests.imaging.samples import noise
from tests.operations.cells import BY_PROVIDER, SIZE, Cell
from tests.operations.fakes import EVERYONE, FakeClient, make_context, photo, result_bytes, to_bytes

#: What each operation makes of a photograph.
EXPECTED = {
    **dict.fromkeys(("edit.inpaint", "edit.outpaint", "edit.search_replace", "edit.erase"), SourceType.COMPOSITE),
    **dict.fromkeys(("edit.search_recolor", "edit.general_edit", "edit.relight"), SourceType.COMPOSITE),
    **{f"control.{name}": SourceType.TRAINED for name in ("sketch", "structure", "style", "style_transfer")},
    "edit.remove_background": SourceType.ENHANCED,
    "upscale.fast": SourceType.ENHANCED,
    "upscale.conservative": SourceType.ENHANCED,
    "upscale.creative": SourceType.COMPOSITE,
}
FIRST = {cell.operation: cell for cell in reversed(BY_PROVIDER)}
FILE_TYPES = list(FileType)


def file_types(number: int, cell: Cell) -> list[FileType]:
    """All for an operation's first provider, one for each other; a cutout is no JPEG."""
    possible = [one for one in FILE_TYPES if (cell.operation, one) != ("edit.remove_background", FileType.JPEG)]
    return possible if FIRST[cell.operation] is cell else [possible[number % len(possible)]]


MATRIX = [(cell, one) for number, cell in enumerate(BY_PROVIDER) for one in file_types(number, cell)]


@cache
def identity() -> SigningIdentity:
    made = json.loads(make_identity())
    return SigningIdentity(made["certificates"], made["key"])


def signs(data: bytes, mime: str, history: History) -> bytes:
    return sign(data, mime, history, identity())


@cache
def made(cell: Cell, file_type: FileType) -> tuple[bytes, Any]:
    """The stored file of an operation on a photograph, and its response."""
    context = make_context(sign=signs)
    response = cell.row.run(cell.request(output_format=file_type.value), context)
    return result_bytes(context), response


def read_by_pillow(data: bytes) -> dict[str, str]:
    """The XMP's properties as Pillow finds them."""
    found = Image.open(io.BytesIO(data)).info.get("xmp", b"").strip(b"\0")
    described = ElementTree.fromstring(found).iter()  # noqa: S314  we wrote it
    return {name.partition("}")[2]: text for each in described for name, text in each.items()}


@pytest.mark.parametrize(("cell", "file_type"), MATRIX, ids=str)
def test_every_operation_marks_and_signs_its_result(cell: Cell, file_type: FileType) -> None:
    """With every provider, in every file type; the response says the same."""
    data, response = made(cell, file_type)
    expected = EXPECTED[cell.operation]
    found = read_by_pillow(data)
    assert found["DigitalSourceType"] == f"http://cv.iptc.org/newscodes/digitalsourcetype/{expected.value}"
    assert cell.model in found["AISystemUsed"]
    assert response.metadata["digital_source_type"] == expected.value
    manifest = read_manifest(data)
    assert manifest
    assert (manifest.valid, manifest.source_type) == (True, expected)
    done = "c2pa.enhanced" if expected is SourceType.ENHANCED else "c2pa.edited"
    assert manifest.actions == ("c2pa.opened", done)


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is missing: it doesn't read the marks as well")
def test_exiftool_reads_the_same(tmp_path: Path) -> None:
    for number, (cell, file_type) in enumerate(MATRIX):
        (tmp_path / f"{number:03}.{file_type.extension}").write_bytes(made(cell, file_type)[0])
    command = ["exiftool", "-j", "-n", "-XMP-iptcExt:DigitalSourceType", "-gps:all", "-ifd0:all", str(tmp_path)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    read = {each["SourceFile"].rpartition("/")[2].partition(".")[0]: each for each in found}
    for number, (cell, _) in enumerate(MATRIX):
        own = dict(read[f"{number:03}"])
        del own["SourceFile"]
        assert own.pop("DigitalSourceType").endswith(f"/{EXPECTED[cell.operation].value}")
        assert own == {}


@pytest.mark.parametrize("provider", sorted(EVERYONE))
def test_a_created_image_says_that_it_is_made_by_ai(provider: str) -> None:
    context = make_context(sign=signs)
    request = CreateRequest(prompt="a boat", provider=provider, width=320, height=240)
    (image,) = create.run(request, context).results
    data = result_bytes(context)
    mark, manifest = read_mark(data), read_manifest(data)
    assert mark
    assert manifest
    assert (mark.source_type, manifest.actions) == (SourceType.TRAINED, ("c2pa.created",))
    assert image.metadata["digital_source_type"] == "trainedAlgorithmicMedia"
    assert "boat" not in str(mark)


def test_every_paid_operation_is_in_the_matrix() -> None:
    assert {name.partition(".")[0] for name in EXPECTED} == {"edit", "upscale", "control"}
    assert set(EXPECTED) == {cell.operation for cell in BY_PROVIDER}
    assert set(OPERATIONS) == {"create", "edit", "upscale", "control", "social"}


@pytest.mark.parametrize("file_type", FILE_TYPES)
def test_an_inline_copy_is_marked_and_signed_within_its_limit(
    file_type: FileType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "INLINE_BYTES", 40_000)
    context = make_context(sign=signs)
    request = EditRequest(
        image_base64=text(to_bytes(noise(400, 300))),
        operation="general_edit",
        prompt="x",
        output_format=file_type,
    )
    OPERATIONS["edit"].run(request, context)
    copy = context.journal.images.get("1.inline")  # type: ignore[attr-defined]
    assert copy
    assert len(copy) <= 40_000
    assert read_mark(copy)
    manifest = read_manifest(copy)
    assert manifest
    assert manifest.valid


# -- marks on their way

EXIF = Image.Exif()
EXIF[0x010F], EXIF[0x013B], EXIF[0x8298] = "Secret Camera", "Secret Owner", "Secret Owner"
EXIF.get_ifd(0x8825)[29] = "2026:11:28"
EXIF.get_ifd(0x8825)[18] = "Secret Place"


def camera_file() -> bytes:
    """A photograph with its place, camera and owner."""
    out = io.BytesIO()
    photo(*SIZE).save(out, "JPEG", exif=EXIF)
    assert out.getvalue().count(b"Secret") >= 3
    return out.getvalue()


PHOTO = camera_file()
MARK = Mark(SourceType.TRAINED, "Somebody's model")
OURS = encode(photo(*SIZE), FileType.PNG, xmp=MARK.to_xmp())


@cache
def signed_alone() -> bytes:
    """A provider's image that says so in its manifest only."""
    return signs(to_bytes(photo(*SIZE)), "image/png", History(MARK))


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def social_files(data: bytes, **parts: Any) -> tuple[list[bytes], list[Any]]:
    context = make_context(**parts)
    request = SocialRequest(image_base64=text(data), platforms=["instagram", "twitter"], formats="all")
    response = social.run(request, context)
    return list(context.journal.images.values()), response.results  # type: ignore[attr-defined]


def converted(data: bytes, target: TargetType, **parts: Any) -> tuple[bytes, Any]:
    context = make_context(**parts)
    request = files.ConvertRequest(image_base64=text(data), target_format=target, strip_metadata=True)
    response = convert.convert(request, context)
    return result_bytes(context), response


def compressed(data: bytes, target: FileType, **parts: Any) -> tuple[bytes, Any]:
    context = make_context(**parts)
    response = convert.compress(files.CompressRequest(image_base64=text(data), format=target), context)
    return result_bytes(context), response


HOLDS_XMP = [one for one in TargetType if one not in (TargetType.GIF, TargetType.BMP)]


@pytest.mark.parametrize("kind", ["xmp", "c2pa"])
def test_a_mark_goes_through_crops_conversions_and_compression(kind: str) -> None:
    """Ours, a provider's or anybody's."""
    source = OURS if kind == "xmp" else signed_alone()
    renditions, results = social_files(source)
    assert len(renditions) > 5
    assert {read_mark(each).source_type for each in renditions} == {SourceType.TRAINED}  # type: ignore[union-attr]
    assert {each.metadata["digital_source_type"] for each in results} == {"trainedAlgorithmicMedia"}
    for target in HOLDS_XMP:
        data, response = converted(source, target)
        assert read_mark(data), target
        assert response.metadata["digital_source_type"] == "trainedAlgorithmicMedia"
    assert read_mark(compressed(source, FileType.JPEG)[0])


def test_a_photograph_that_was_only_cropped_resized_or_converted_gets_none() -> None:
    renditions, results = social_files(PHOTO, sign=signs)
    outputs = [*renditions, converted(PHOTO, TargetType.PNG, sign=signs)[0], compressed(PHOTO, FileType.WEBP)[0]]
    context = make_context(sign=signs)
    request = UpscaleRequest(image_base64=text(PHOTO), target_width=200, target_height=150)
    response = OPERATIONS["upscale"].run(request, context)
    outputs.append(result_bytes(context))
    assert [read_mark(each) for each in outputs] == [None] * len(outputs)
    assert not [each for each in outputs if b"jumdc2pa" in each]
    assert "digital_source_type" not in response.metadata
    assert [each.metadata for each in results] == [{}] * len(results)


@pytest.mark.parametrize(
    ("target", "signed"), [(TargetType.JPEG, True), (TargetType.AVIF, True), (TargetType.BMP, False)]
)
def test_what_is_made_of_a_signed_image_is_signed_with_it_as_ingredient(target: TargetType, signed: bool) -> None:
    data, _ = converted(signed_alone(), target, sign=signs)
    manifest = read_manifest(data)
    assert (manifest is not None) is signed
    if manifest:
        assert (manifest.valid, manifest.actions) == (True, ("c2pa.opened", "c2pa.transcoded"))
        assert manifest.source_type is SourceType.TRAINED


def test_a_signed_rendition_stays_within_its_platforms_limit() -> None:
    renditions, results = social_files(signed_alone(), sign=signs)
    for data, each in zip(renditions, results, strict=True):
        manifest = read_manifest(data)
        assert manifest
        assert (manifest.valid, manifest.source_type) == (True, SourceType.TRAINED)
        assert len(data) == each.bytes


def test_compression_signs_only_what_stays_smaller() -> None:
    small = signs(encode(photo(64, 48), FileType.WEBP, xmp=MARK.to_xmp()), "image/webp", History(MARK))
    data, _response = compressed(small, FileType.WEBP, sign=signs)
    assert len(data) <= len(small)
    assert read_mark(data)


def test_an_edit_of_an_ai_image_stays_one_and_names_both_systems() -> None:
    context = make_context()
    request = EditRequest(image_base64=text(OURS), operation="general_edit", prompt="x")
    response = OPERATIONS["edit"].run(request, context)
    mark = read_mark(result_bytes(context))
    assert mark
    assert mark.source_type is SourceType.TRAINED
    assert mark.ai_system.startswith("Somebody's model; ")
    assert response.model in mark.ai_system


def test_a_providers_own_manifest_is_kept_as_ingredient() -> None:
    """Read from its bytes before they are encoded again."""
    client = FakeClient(lambda provider, task: ProviderImage(signed_alone()))
    context = make_context(client, sign=signs)
    create.run(CreateRequest(prompt="a boat", provider="gemini", width=320, height=240), context)
    manifest = read_manifest(result_bytes(context))
    assert manifest
    assert (manifest.valid, manifest.actions) == (True, ("c2pa.opened", "c2pa.edited"))


@pytest.mark.parametrize("cell", list(FIRST.values()), ids=str)
def test_no_place_camera_or_owner_is_in_any_result(cell: Cell) -> None:
    field = "control_image_base64" if cell.operation.startswith("control") else "image_base64"
    context = make_context(sign=signs)
    cell.row.run(cell.request(**{field: text(PHOTO)}), context)
    assert b"Secret" not in result_bytes(context)


def test_no_place_camera_or_owner_is_in_any_crop() -> None:
    assert b"Secret" not in b"".join(social_files(PHOTO, sign=signs)[0])


def test_a_prompt_is_marked_only_where_that_is_allowed() -> None:
    for allowed in (True, False):
        context = make_context(mark_prompts=allowed)
        create.run(CreateRequest(prompt="confidential words", enhance_prompt=False, width=64, height=64), context)
        assert (b"confidential words" in result_bytes(context)) is allowed


def test_what_signing_adds_is_bounded() -> None:
    """Where ingredients make a file too large, it is signed without them; else it is left as it was."""
    context = make_context(sign=signs)
    data = encode(photo(*SIZE), FileType.JPEG, xmp=MARK.to_xmp())
    history = History(MARK, signed_alone())
    whole = provenance.sign(context, data, "image/jpeg", history)
    less = provenance.sign(context, data, "image/jpeg", history, len(whole) - 1)
    assert len(data) < len(less) < len(whole)
    assert len(less) <= len(data) + provenance.ROOM
    assert provenance.sign(context, data, "image/jpeg", history, len(data)) == data
