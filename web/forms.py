"""The forms of the pages; each carries a CSRF token.

Used by the login, admin and search pages.
"""

# mypy: disable-error-code="misc"
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import (
    EmailField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectMultipleField,
    StringField,
    SubmitField,
    widgets,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length, NumberRange, Optional


class ButtonForm(FlaskForm):
    """Nothing but a button: the CSRF token is all there is to check."""


class LoginForm(FlaskForm):
    email = EmailField("Email", [DataRequired(), Length(max=254)])
    password = PasswordField("Password", [DataRequired(), Length(max=1000)])
    submit = SubmitField("Log in")


class PhotoForm(FlaskForm):
    photo = FileField("Photo", [FileRequired("Choose a photo first.")])


class ReindexForm(FlaskForm):
    kind = RadioField(
        "What to rebuild from",
        choices=[
            SelectChoice("vectors", "Stored vectors"),
            SelectChoice("crops", "Stored crops"),
            SelectChoice("photos", "Photos"),
        ],
        default="vectors",
    )
    switch = RadioField(
        "When it is ready",
        choices=[
            SelectChoice("auto", "Switch over by itself"),
            SelectChoice("manual", "Wait for me to activate it"),
        ],
        default="auto",
    )
    segmenter = StringField("Segmenter", [Length(max=200)])
    embedder = StringField("Embedder", [Length(max=200)])
    max_changed = IntegerField(
        "Neighbours that may change, in percent", [Optional(), NumberRange(0, 100)]
    )
    submit = SubmitField("Start re-index")


class TokenForm(FlaskForm):
    name = StringField("Name", [DataRequired(), Length(max=100)])
    scopes = SelectMultipleField(
        "Scopes",
        [DataRequired()],
        choices=[SelectChoice("read"), SelectChoice("ingest"), SelectChoice("admin")],
        default=["read"],
        option_widget=widgets.CheckboxInput(),
        widget=widgets.ListWidget(prefix_label=False),
    )
    submit = SubmitField("Create token")
