"""The library: what saves, lists and changes a caller's assets, with the names of the original's front-end."""

import json
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from image_studio.schemas.common import IMAGE_FORMS, ImageText, Prompt, Request, Response, default_for_null
from image_studio.schemas.limits import MAX_TAGS

SourceModule = Literal[
    "image_studio",
    "main_image_generation",
    "story_writer",
    "blog_writer",
    "linkedin_writer",
    "facebook_writer",
    "product_marketing",
    "podcast_maker",
    "youtube_creator",
    "brand_avatar_generator",
    "video_studio",
]
SOURCE_MODULES: tuple[str, ...] = get_args(SourceModule)
ASSET_TYPES = ("text", "image", "video", "audio")  # that a list may ask for; only images are kept
UsageAction = Literal["download", "share", "access"]
USAGE_ACTIONS: tuple[str, ...] = get_args(UsageAction)
MAX_METADATA = 8_000  # characters of JSON
MAX_COST = 100_000  # credits


def _clean_tags(tags: list[str]) -> list[str]:
    """Each tag once, whatever its case. Raises ValueError for one that a list couldn't ask for."""
    known: dict[str, str] = {}
    for tag in tags:
        if "," in tag:
            raise ValueError("a tag must not contain a comma")
        if tag:
            known.setdefault(tag.casefold(), tag)
    if len(known) > MAX_TAGS:
        raise ValueError(f"an asset has at most {MAX_TAGS} tags")
    return list(known.values())


def _short_json(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value)) > MAX_METADATA:
        raise ValueError(f"at most {MAX_METADATA:,} characters of JSON")
    return value


_Tag = Annotated[str, Field(max_length=60)]
Tags = Annotated[list[_Tag], Field(max_length=100), AfterValidator(_clean_tags)]
Metadata = Annotated[dict[str, Any], AfterValidator(_short_json)]
Title = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=2_000)]
Name = Annotated[str, Field(max_length=100)]
Cost = Annotated[float, Field(ge=0, le=MAX_COST), default_for_null(0.0)]


class AssetText(Request):
    """What people write about an asset."""

    title: Title | None = Field(default=None, description="A title.")
    description: Text | None = Field(default=None, description="What it is.")


class SaveRequest(AssetText):
    """POST /save-to-library."""

    image_base64: ImageText = Field(
        description=f"The image. {IMAGE_FORMS} What an earlier result's record says replaces the fields below."
    )
    prompt: Prompt | None = Field(default=None, description="The prompt that it was made from.")
    provider: Name | None = Field(default=None, description="The provider that made it.")
    model: Name | None = Field(default=None, description="The model that made it.")
    cost: Cost = Field(default=0.0, description="What it cost, in credits.")
    operation: Annotated[Name, default_for_null("image-generation")] = Field(
        default="image-generation", description="What made it."
    )
    output_format: Name | None = Field(
        default=None, description="Accepted for clients of the original; the file's own type counts."
    )
    tags: Annotated[Tags, default_for_null([])] = Field(default_factory=list, description="Words to find it by.")


class SavedAsset(Response):
    """The image is in the library. `file_url` is valid for 15 minutes."""

    success: Literal[True]
    asset_id: str
    file_url: str
    filename: str
    file_size: int = Field(description="Bytes.")


class RegisterRequest(AssetText):
    """POST /api/content-assets: the image that `file_url` names is copied into the library."""

    asset_type: Literal["image"] = Field(description="Only images are kept.")
    source_module: SourceModule = Field(description="The part of the product that made it.")
    filename: Annotated[str, Field(min_length=1, max_length=500, description="What a download is called.")]
    file_url: ImageText = Field(description=f"The image. {IMAGE_FORMS}")
    prompt: Prompt | None = Field(default=None, description="The prompt that it was made from.")
    tags: Annotated[Tags, default_for_null([])] = Field(default_factory=list, description="Words to find it by.")
    asset_metadata: Annotated[Metadata, default_for_null({})] = Field(
        default_factory=dict, description="Further facts, of your own."
    )
    provider: Name | None = Field(default=None, description="The provider that made it.")
    model: Name | None = Field(default=None, description="The model that made it.")
    cost: Cost = Field(default=0.0, description="What it cost, in credits.")
    generation_time: Annotated[float, Field(ge=0, le=86_400)] | None = Field(
        default=None, description="Seconds that it took."
    )


class AssetChange(AssetText):
    """PUT /api/content-assets/{id}: fields that are missing or null stay as they are."""

    tags: Tags | None = Field(default=None, description="All tags; they replace the earlier ones.")
    asset_metadata: Metadata | None = Field(default=None, description="Entries to add or to replace.")


class LibraryAsset(Response):
    """An asset. `file_url` and `thumbnail_url` are valid for 15 minutes."""

    id: str
    user_id: str
    asset_type: Literal["image"]
    source_module: SourceModule
    filename: str
    file_url: str
    thumbnail_url: str = Field(description="A WebP whose longer side has at most 512 pixels.")
    file_size: int = Field(description="Bytes.")
    mime_type: str
    title: str | None
    description: str | None
    prompt: str | None
    tags: list[str]
    asset_metadata: dict[str, Any]
    provider: str | None
    model: str | None
    cost: float = Field(description="Credits.")
    generation_time: float | None = Field(description="Seconds.")
    is_favorite: bool
    download_count: int
    share_count: int
    created_at: str = Field(description="ISO 8601, UTC.")
    updated_at: str = Field(description="ISO 8601, UTC.")


class AssetList(Response):
    """A page of assets, and how many there are on all pages."""

    assets: list[LibraryAsset]
    total: int
    limit: int
    offset: int


class AssetDeleted(Response):
    """The asset and its files were deleted."""

    asset_id: str
    deleted: Literal[True]


class AssetFavorite(Response):
    """Whether the asset is a favorite now."""

    asset_id: str
    is_favorite: bool


class AssetUsage(Response):
    """The use was counted."""

    asset_id: str
    action: UsageAction
    tracked: Literal[True]


class AssetStatistics(Response):
    """What the library holds, and how much it may hold."""

    total: int
    by_type: dict[str, int]
    by_source: dict[str, int]
    total_cost: float = Field(description="Credits.")
    favorites_count: int
    total_bytes: int = Field(description="Of the originals.")
    max_assets: int
    max_bytes: int
