"""Marks: written into every file type, read from anybody's files, and never a way in for hostile XML."""

import io

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from image_studio.imaging.encode import encode, encode_under
from image_studio.imaging.xmp import MAX_PACKET, MAX_PROMPT_TEXT, Mark, read_mark, source_type_of
from image_studio.schemas.common import FileType
from image_studio.schemas.limits import SourceType
from tests.imaging.samples import flat_art, noise, saved

MARK = Mark(SourceType.TRAINED, 'Stability AI "ultra" <&>')
IPTC = 'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
URI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def packet(inside: str, attributes: str = "", before: str = "") -> bytes:
    return (
        f'{before}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {IPTC} {attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


@pytest.mark.parametrize("file_type", FileType)
def test_a_written_mark_is_read_by_us_and_by_pillow(file_type: FileType) -> None:
    data = encode(flat_art(), file_type, xmp=MARK.to_xmp())
    assert read_mark(data) == MARK
    marked, plain = (Image.open(io.BytesIO(each)) for each in (data, encode(flat_art(), file_type)))
    found = marked.info["xmp"]
    assert found.strip(b"\0") == MARK.to_xmp()
    assert marked.tobytes() == plain.tobytes()


def compressed(xmp: bytes) -> bytes:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
    return saved(noise(40, 30), "PNG", pnginfo=info)


def test_a_mark_in_a_compressed_packet_of_a_png_is_read() -> None:
    """As Pillow reads it; a packet that is broken, or inflates beyond the limit, says nothing."""
    data = compressed(MARK.to_xmp())
    assert (b"xmpmeta" in data, read_mark(data)) == (False, MARK)
    assert read_mark(compressed(MARK.to_xmp() + b" " * MAX_PACKET)) == MARK
    assert read_mark(compressed(b" " * MAX_PACKET + MARK.to_xmp())) is None
    start = data.index(b"XML:com.adobe.xmp") + len(b"XML:com.adobe.xmp") + 5
    assert read_mark(data[:start] + b"no zlib" + data[start + 7 :]) is None
    assert read_mark(data[: start + 20]) is None


@pytest.mark.parametrize("file_type", FileType)
def test_an_image_without_a_mark_gets_none(file_type: FileType) -> None:
    data = encode(flat_art(), file_type)
    assert read_mark(data) is None
    assert b"xmp" not in data.lower()


@pytest.mark.parametrize("max_bytes", [90_000, 30_000, 12_000])
def test_a_mark_counts_in_the_limit_of_bytes_however_the_image_is_made_to_fit(max_bytes: int) -> None:
    made = encode_under(noise(160, 120, 40), max_bytes, (FileType.PNG, FileType.WEBP), xmp=MARK.to_xmp())
    assert len(made.data) <= max_bytes
    assert read_mark(made.data) == MARK


@pytest.mark.parametrize(
    "xmp",
    [
        packet("", f'Iptc4xmpExt:DigitalSourceType="{URI}"'),
        packet(f"<Iptc4xmpExt:DigitalSourceType>{URI}</Iptc4xmpExt:DigitalSourceType>"),
        packet(f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{URI}"/>'),
        packet(f"<Iptc4xmpExt:DigitalSourceType>{URI.replace('http:', 'https:')} </Iptc4xmpExt:DigitalSourceType>"),
        packet(f"<a:DigitalSourceType xmlns:a={IPTC.partition('=')[2]}>{URI}</a:DigitalSourceType>"),
    ],
    ids=["attribute", "element", "resource", "https", "prefix"],
)
def test_every_form_of_the_property_is_read(xmp: bytes) -> None:
    found = read_mark(b"any file" + xmp + b"more")
    assert found
    assert found.source_type is SourceType.TRAINED


@pytest.mark.parametrize(
    "xmp",
    [
        packet("", f'Iptc4xmpExt:DigitalSourceType="{URI.replace("trainedAlgorithmicMedia", "digitalCapture")}"'),
        packet("", 'Iptc4xmpExt:DigitalSourceType="nonsense"'),
        packet("<broken", f'Iptc4xmpExt:DigitalSourceType="{URI}"').replace(b"</rdf:RDF>", b""),
        b"<x:xmpmeta " + b" " * MAX_PACKET + b"</x:xmpmeta>",
        b'<x:xmpmeta xmlns:x="a"><!DOCTYPE x [<!ENTITY a "b">]></x:xmpmeta>',
        b"<x:xmpmeta",
        b"",
    ],
    ids=["photograph", "unknown", "broken", "too long", "entities", "cut off", "nothing"],
)
def test_what_says_nothing_of_ai_or_is_broken_is_no_mark(xmp: bytes) -> None:
    assert read_mark(xmp) is None


def test_a_long_prompt_is_cut_and_its_control_characters_go() -> None:
    xmp = Mark(SourceType.TRAINED, "system\x00\x1b", "a\x07" + "b" * 20_000).to_xmp()
    assert len(xmp) < 2 * MAX_PROMPT_TEXT
    found = read_mark(xmp)
    assert found
    assert found.ai_system == "system"


@pytest.mark.parametrize(
    ("done", "earlier", "mark"),
    [
        (SourceType.ENHANCED, None, SourceType.ENHANCED),
        (SourceType.ENHANCED, SourceType.COMPOSITE, SourceType.COMPOSITE),
        (SourceType.COMPOSITE, SourceType.TRAINED, SourceType.TRAINED),
        (SourceType.COMPOSITE, SourceType.ENHANCED, SourceType.COMPOSITE),
        (SourceType.TRAINED, SourceType.COMPOSITE, SourceType.TRAINED),
    ],
)
def test_a_mark_is_never_weakened(done: SourceType, earlier: SourceType | None, mark: SourceType) -> None:
    assert done.over(earlier) is mark


def test_only_terms_of_the_list_are_source_types() -> None:
    assert source_type_of("trainedAlgorithmicMedia") is SourceType.TRAINED
    assert source_type_of("") is None
