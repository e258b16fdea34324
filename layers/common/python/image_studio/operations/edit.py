"""Edit: a picture is changed in one of the ways of the table; one variation."""

from image_studio.operations.choose_model import Choice, Wish
from image_studio.operations.edit_brief import EditBrief, edit_brief
from image_studio.operations.edit_work import EditWork
from image_studio.operations.fit_input import takers
from image_studio.operations.one_picture import answer_fields, choices_for, make, price
from image_studio.operations.operation import Operation
from image_studio.operations.studio import Studio
from image_studio.schemas.edit import EditAnswer, EditRequest

NAME = "edit"


def estimate(request: EditRequest, studio: Studio) -> int:
    """Credits to reserve: the first choice's price. Raises what makes the request invalid."""
    work = EditWork(edit_brief(request, studio))
    first = _choices(work, studio)[0]
    return price(first, work.fit(first))


def edit(request: EditRequest, studio: Studio) -> EditAnswer:
    """Change the picture. Raises the provider's failure."""
    work = EditWork(edit_brief(request, studio))
    entry = make(studio, _choices(work, studio), work.task, work.finish, request.output_format)
    return EditAnswer(operation=request.operation, **answer_fields(entry, _first(work.brief)))


def _choices(work: EditWork, studio: Studio) -> list[Choice]:
    asked = work.brief.request
    wish = Wish(operation=work.brief.name, quality=work.brief.quality, provider=asked.provider, model=asked.model)
    return takers(choices_for(wish, studio), work.fit)


def _first(brief: EditBrief) -> dict[str, str | None]:
    style = {"style_preset": brief.request.style_preset} if brief.request.style_preset else {}
    return {"operation": brief.info.name, **style}


OPERATION = Operation(
    name=NAME,
    request=EditRequest,
    answer=EditAnswer,
    run=edit,
    estimate=estimate,
    failure="Image editing failed",
)
