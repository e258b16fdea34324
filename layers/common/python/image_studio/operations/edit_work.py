"""How an edit is done with a model: what it is sent, and how its result and the caller's picture become one."""

from functools import cached_property
from typing import Any

from image_studio.imaging.canvas import extend_canvas, flatten
from image_studio.imaging.compose import composite, cut_out, paste_back
from image_studio.imaging.encode import encode
from image_studio.imaging.frame import Frame, put, put_mask, take
from image_studio.imaging.masks import Mask, border_mask, feather, full_mask, grow
from image_studio.imaging.picture import Picture, Size
from image_studio.operations.choose_model import Choice
from image_studio.operations.edit_brief import EditBrief
from image_studio.operations.fit_input import Fit, blob, fit, reference
from image_studio.operations.one_picture import Finished, fit_notes, styled
from image_studio.providers.adapter import Blob, Task
from image_studio.schemas.image import FileType

#: What the empty part of a canvas is filled with before a model paints there: a grey that is no content.
EMPTY = (128, 128, 128)
SIDES = ("expand_left", "expand_up", "expand_right", "expand_down")


class EditWork:
    """One edit. Pixels are touched when they are needed: an estimate needs none."""

    def __init__(self, brief: EditBrief) -> None:
        self.brief = brief
        self.outpaints = brief.info.name == "outpaint"

    def fit(self, choice: Choice) -> Fit:
        """How the picture goes to the model. Raises InvalidImage where it can't."""
        if self.outpaints and self._extends(choice):
            sent = fit(choice, *self.brief.image.size)
            return Fit(sent.frame, self.brief.size)
        return fit(choice, *self.brief.size)

    def task(self, choice: Choice) -> Task:
        """The task for the model."""
        asked, takes = self.brief.request, self.brief.info.honoured
        way = self.fit(choice)
        return Task(
            operation=self.brief.name,
            width=way.wanted.width,
            height=way.wanted.height,
            prompt=styled(asked.prompt, asked.style_preset, choice),
            negative_prompt=asked.negative_prompt if "negative_prompt" in takes else None,
            seed=asked.seed if "seed" in takes else None,
            style_preset=asked.style_preset if "style_preset" in takes else None,
            guidance_scale=asked.guidance_scale if "guidance_scale" in takes else None,
            steps=asked.steps if "steps" in takes else None,
            images=self._images(choice, way),
            settings=self._settings(choice, way),
        )

    def finish(self, result: Picture, choice: Choice) -> Finished:
        """The answer's picture out of the model's, and what was done."""
        way = self.fit(choice)
        picture = self._finished(result, choice, way)
        notes = fit_notes(choice, self.brief.name, way)
        if self.brief.mask_from:
            notes |= {"mask": self.brief.mask_from, "grow_mask": self._growth}
        return picture, {**notes, "ignored": self.brief.ignored}

    # -- what is sent

    def _extends(self, choice: Choice) -> bool:
        """Whether the model extends a picture itself; else it gets the larger canvas and a mask of what is empty."""
        return choice.model.accepts.issuperset(SIDES)

    def _images(self, choice: Choice, way: Fit) -> dict[str, Blob]:
        brief = self.brief
        further = {
            role: flatten(reference(image, choice))
            for role, image in (("background", brief.background), ("lighting", brief.lighting))
            if image
        }
        main = brief.image
        if self.outpaints and not self._extends(choice):
            left, up, right, down = brief.request.expansion
            main = extend_canvas(flatten(main), left, up, right, down, fill=EMPTY)
        sent = {"image": put(main, way.frame), **further}
        images = {role: blob(image, choice, len(sent)) for role, image in sent.items()}
        mask = self._mask_for(choice)
        if mask:
            images["mask"] = Blob(encode(put_mask(mask, way.frame), FileType.PNG))
        return images

    def _mask_for(self, choice: Choice) -> Mask | None:
        """The mask that the model gets: where it may paint at full strength."""
        if self.outpaints:
            return None if self._extends(choice) else self._border
        if self.brief.mask:
            return self._grown
        needs = self.brief.info.name == "inpaint" and "mask" in choice.model.accepts and not choice.model.pictures
        return full_mask(*self.brief.image.size) if needs else None

    def _settings(self, choice: Choice, way: Fit) -> dict[str, Any]:
        asked = self.brief.request
        given = {name: getattr(asked, name) for name in ("search_prompt", "select_prompt") if self._takes(name)}
        settings = {**given, **self.brief.options}
        if self.outpaints and self._extends(choice):
            settings |= self._scaled_sides(way.frame)
        if self.brief.mask:
            # Ours is grown already; a model that grows one by itself is told not to.
            settings.pop("grow_mask", None)
            settings |= {"grow_mask": 0} if "grow_mask" in choice.model.accepts else {}
        if self.brief.info.name == "relight" and not asked.prompt and not self.brief.background:
            settings["keep_original_background"] = True
        return {name: value for name, value in settings.items() if f"options.{name}" not in self.brief.ignored}

    def _takes(self, name: str) -> bool:
        return name in self.brief.info.honoured

    def _scaled_sides(self, frame: Frame) -> dict[str, int]:
        """The expansion in pixels of the scaled picture; what is asked for never becomes nothing."""
        scale = frame.inner.width / self.brief.image.width
        sides = dict(zip(SIDES, self.brief.request.expansion, strict=True))
        return {name: max(1, round(side * scale)) for name, side in sides.items() if side}

    # -- what comes back

    def _finished(self, result: Picture, choice: Choice, way: Fit) -> Picture:
        brief = self.brief
        if brief.info.name == "remove_background":
            cut = take(result, way.frame, *way.frame.inner) if way.frame.padded else result
            return cut_out(brief.image, cut)
        if self.outpaints:
            frame = Frame(brief.size, 0, 0, brief.size) if self._extends(choice) else way.frame
            left, up, _, _ = brief.request.expansion
            return paste_back(take(result, frame, *brief.size), brief.image, left, up)
        changed = take(result, way.frame, *brief.image.size)
        return composite(brief.image, changed, self._soft) if brief.mask else changed

    @property
    def _growth(self) -> int:
        option = self.brief.info.options.get("grow_mask")
        asked = self.brief.options.get("grow_mask")
        return int(asked if asked is not None else (option.default or 0) if option else 0)

    @cached_property
    def _grown(self) -> Mask:
        return grow(self._drawn, self._growth)

    @cached_property
    def _soft(self) -> Mask:
        return feather(self._drawn, self._growth)

    @property
    def _drawn(self) -> Mask:
        assert self.brief.mask is not None, "only masked edits get here"  # noqa: S101  a mistake of ours
        return self.brief.mask

    @cached_property
    def _border(self) -> Mask:
        left, up, _, _ = self.brief.request.expansion
        width, height = Size(*self.brief.image.size)
        return border_mask(*self.brief.size, (left, up, left + width, up + height))
