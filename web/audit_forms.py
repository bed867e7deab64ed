"""The forms that start audits; each carries a CSRF token.

Used by the pages of index health, coverage and duplicates.
"""

# mypy: disable-error-code="misc"
from decimal import Decimal

from flask_wtf import FlaskForm
from wtforms import DecimalField, IntegerField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from catalog.audit.options import AuditOptions, Part
from web.filters import describe_likeness

_DEFAULT = AuditOptions()
_STEPS = (0.97, 0.85, 0.7, 0.5)


class HealthForm(FlaskForm):
    """A check of the stores."""


class CoverageForm(FlaskForm):
    few = IntegerField(
        "Fewer look-alikes than", [InputRequired(), NumberRange(1, 50)], default=_DEFAULT.few
    )
    price_percent = IntegerField(
        "Price, at most % more or less",
        [InputRequired(), NumberRange(1, 1000)],
        default=_DEFAULT.price_percent,
    )
    likeness = SelectField(
        "What counts as alike",
        coerce=float,
        choices=[SelectChoice(step, f"{describe_likeness(step)} or more") for step in _STEPS],
        default=_DEFAULT.likeness,
    )


class DuplicatesForm(FlaskForm):
    identical = DecimalField(
        "How alike at least (1 is the same)",
        [InputRequired(), NumberRange(Decimal("0.8"), Decimal("0.999"))],
        default=_DEFAULT.identical,
        places=3,
    )


class DismissForm(FlaskForm):
    """Which group, and which of its items; none stands for all of them."""

    item = IntegerField(validators=[Optional()])


FORMS: dict[Part, type[FlaskForm]] = {
    Part.INDEX: HealthForm,
    Part.COVERAGE: CoverageForm,
    Part.DUPLICATES: DuplicatesForm,
}
