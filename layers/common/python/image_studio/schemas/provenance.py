"""Provenance: what an image says of how it was made, and whether it was made here."""

from typing import Literal

from pydantic import Field

from image_studio.schemas.common import IMAGE_FORMS, ImageText, Request, Response
from image_studio.schemas.jobs import Milliseconds
from image_studio.schemas.limits import SourceType

SOURCE_TYPE = "A term of IPTC's digital source types: how AI took part."


class InspectRequest(Request):
    """POST /provenance/inspect."""

    image_base64: ImageText = Field(description=f"The image. {IMAGE_FORMS}")


class IptcMark(Response):
    """What the image's XMP says."""

    digital_source_type: SourceType = Field(description=SOURCE_TYPE)
    ai_system_used: str = Field(description="The provider and model, empty where it isn't said.")


class ContentCredentials(Response):
    """What the image's C2PA manifest says. Whoever signed is named, not vouched for."""

    valid: bool = Field(description="Whether the signature holds: nothing was changed since.")
    signed_by: str = Field(description="The certificate's organization.")
    common_name: str = Field(description="The certificate's name.")
    generator: str = Field(description="The software that wrote it.")
    signed_at: str | None = Field(description="When, by a time stamp authority; null without a time stamp.")
    digital_source_type: SourceType | None = Field(description=SOURCE_TYPE)
    actions: list[str] = Field(description="What was done, in C2PA's words.")
    problems: list[str] = Field(description="C2PA's codes for what is wrong, or not trusted.")


class MadeHere(Response):
    """The result that the image is, or comes from. Job and variation are named to their owner only."""

    how: Literal["same_file", "similar_image", "result_or_its_source"]
    differing_bits: int | None = Field(description="Of 128, between the fingerprints; null for the same file.")
    made_at: Milliseconds
    job_id: str | None
    variation: int | None


class InspectResponse(Response):
    """The marks that the image carries, and whether it was made here."""

    file_type: str
    width: int
    height: int
    digital_source_type: SourceType | None = Field(
        description="The strongest statement of both marks. Null: the image says nothing of AI, which proves nothing."
    )
    iptc: IptcMark | None
    content_credentials: ContentCredentials | None
    made_here: bool | None = Field(
        description="Whether a result of this API is this file, or looks the same. Null: it looks like a result that"
        " looks like its source, such as an upscaled photograph, and may be either."
    )
    match: MadeHere | None
