"""Limits, quality levels and source types that the whole API shares.

Without pydantic, which a cold catalog read doesn't import.
"""

import os
from enum import StrEnum

from image_studio.errors import InvalidImage

#: Whether what init makes is kept, by a snapshot or by provisioned concurrency.
INIT_IS_KEPT = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") in ("snap-start", "provisioned-concurrency")
MAX_VARIATIONS = 10
MIN_SIDE = 16  # pixels; the narrowest image that any platform shows
MAX_SIDE = 8_192  # pixels
MAX_PIXELS = 25_000_000  # of one image in a response
MAX_PROMPT = 10_000  # characters; the longest prompt a provider takes (Stability)
MAX_TAGS = 16  # of an asset; with its words they fit into one transaction of the table
MAX_SEED = 4_294_967_293  # one below Stability's largest, which stands for our seed 0 in its requests
MAX_FILE_BYTES = 20_000_000  # of an image that we take
#: Of an image that a provider makes: it is paid for, so it is taken as large as any model can make it.
MAX_RESULT_BYTES = 64 * 1024 * 1024  # above the noise of Gemini's largest 4K image, 18.9 MP
MAX_RESULT_PIXELS = 33_554_432
#: Lambda's limit on a whole response, bytes (AWS, "Function.ResponseSizeTooLarge"). The envelope escapes the body.
MAX_RESPONSE = 6_291_556
#: The limit on a body, so that the quotes (escaped once more) and the headers still fit.
MAX_BODY = MAX_RESPONSE - 64 * 1024
#: Of all images in one body: base64 makes them a third longer, and about 350 KB are left for texts and URLs.
INLINE_BYTES = 4_400_000


class Choice(StrEnum):
    """A value of a published list, which callers may send in any case."""

    @classmethod
    def _missing_(cls, value: object) -> "Choice | None":
        word = str(value).strip().lower()
        return next((member for member in cls if member.value == word), None)


class Quality(Choice):
    """What a caller may choose in place of a model. The default is STANDARD."""

    DRAFT = "draft"
    STANDARD = "standard"
    PREMIUM = "premium"


class SourceType(StrEnum):
    """The values of IPTC's digital source type that say AI or another algorithm took part, the weakest first."""

    ENHANCED = "algorithmicallyEnhanced"
    ALGORITHMIC = "algorithmicMedia"
    SYNTHETIC_COMPOSITE = "compositeSynthetic"
    COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
    TRAINED = "trainedAlgorithmicMedia"

    def over(self, earlier: "SourceType | None") -> "SourceType":
        """Return the mark of an image after this was done to it: the stronger one, for a mark is never weakened."""
        order = list(SourceType)
        return self if earlier is None else max(self, earlier, key=order.index)


def check_pixels(width: int, height: int, most: int) -> None:
    """Raise InvalidImage where width x height is above `most` pixels."""
    if width * height > most:
        raise InvalidImage(
            f"The image has {width}x{height} pixels; at most {most / 1e6:g} megapixels are accepted. Scale it down."
        )
