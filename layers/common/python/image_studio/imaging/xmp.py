"""XMP that says how an image was made: IPTC's digital source type, read from any file and written into ours.

An image that carries no such mark gets none here: a photograph that was only cropped stays a photograph.
"""

from dataclasses import dataclass
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from image_studio.imaging import png_chunks
from image_studio.schemas.limits import SourceType

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"  # what every value starts with (IPTC NewsCodes)
MAX_PACKET = 1_000_000  # bytes of XMP that are read; editors' histories reach some 100 KB
MAX_TEXT = 300  # characters of the AI system's name
MAX_PROMPT_TEXT = 2_000  # characters of a prompt; a JPEG holds 64 KB of XMP
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SOURCE, _SYSTEM, _PROMPT = (_IPTC + name for name in ("DigitalSourceType", "AISystemUsed", "AIPromptInformation"))
_RESOURCE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#resource"
#: How a packet starts and ends in a file of any type; `xmpmeta` is optional (XMP part 1, section 7.3.3).
_ELEMENTS = ((b"<x:xmpmeta", b"</x:xmpmeta>"), (b"<rdf:RDF", b"</rdf:RDF>"))


@dataclass(frozen=True, slots=True)
class Mark:
    """What an image says of itself: how AI took part in it, which system that was, and its prompt if that is public."""

    source_type: SourceType
    ai_system: str = ""
    prompt: str = ""

    @property
    def uri(self) -> str:
        return SOURCE_TYPES + self.source_type.value

    def to_xmp(self) -> bytes:
        """Return the mark as a packet of XMP, about 450 bytes without a prompt."""
        texts = (("AISystemUsed", self.ai_system, MAX_TEXT), ("AIPromptInformation", self.prompt, MAX_PROMPT_TEXT))
        given = "".join(
            f" Iptc4xmpExt:{name}={quoteattr(_printable(text)[:most])}" for name, text, most in texts if text
        )
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
            f' xmlns:Iptc4xmpExt="{_IPTC}" Iptc4xmpExt:DigitalSourceType="{self.uri}"{given}/></rdf:RDF></x:xmpmeta>'
            '<?xpacket end="r"?>'
        ).encode()


def read_mark(data: bytes) -> Mark | None:
    """Return the mark in the first XMP packet of a file of any type, or None where it says nothing of AI."""
    packet = _find_packet(data)
    found = _read_properties(packet) if packet else {}
    source_type = source_type_of(found.get(_SOURCE, ""))
    return Mark(source_type, _printable(found.get(_SYSTEM, ""))[:MAX_TEXT]) if source_type else None


def source_type_of(uri: str) -> SourceType | None:
    """Return the source type that a URI of IPTC's list means, or None where it says nothing of AI."""
    name = uri.strip().rpartition("/")[2]
    return next((each for each in SourceType if each.value == name), None)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _find_packet(data: bytes) -> bytes:
    """Return the packet's XML. A search finds it in JPEG, WebP, AVIF and HEIC; a PNG may hold it compressed."""
    return _search(data) or _search(png_chunks.compressed_xmp(data, MAX_PACKET))


def _search(data: bytes) -> bytes:
    for start, end in _ELEMENTS:
        first = data.find(start)
        if first >= 0:
            last = data.find(end, first, first + MAX_PACKET)
            return data[first : last + len(end)] if last >= 0 else b""
    return b""


class _Enough(Exception):
    """A document type, which may declare entities that expand without end, is not read on."""


def _read_properties(packet: bytes) -> dict[str, str]:
    """Return IPTC's properties by name: attributes, elements with text, or elements that refer to a resource."""
    found: dict[str, str] = {}
    inside: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        inside.append(name)
        for key, value in ((name, attributes.get(_RESOURCE, "")), *attributes.items()):
            if key.startswith(_IPTC) and value:
                found.setdefault(key, value)

    def text(value: str) -> None:
        name = next((each for each in reversed(inside) if each.startswith(_IPTC)), "")
        if name and len(found.get(name, "")) < MAX_TEXT:
            found[name] = found.get(name, "") + value

    def refuse(*_: Any) -> None:
        raise _Enough

    parser = expat.ParserCreate(namespace_separator="")
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: inside.pop() and None
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(packet, True)
    except (expat.ExpatError, _Enough):
        return {}
    return {name: value.strip() for name, value in found.items()}
