"""The admin's page of webhooks: whom we tell when a job ends, and how that went lately."""

# mypy: disable-error-code="misc"
from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, render_template
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import SelectMultipleField, StringField, SubmitField, widgets
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from catalog import deliveries, webhooks
from catalog.errors import ConflictError, InputError
from catalog.queue import enqueue_webhooks
from catalog.webhooks import EVENTS, LONGEST_DESCRIPTION, LONGEST_URL, describe_state
from web.forms import ButtonForm
from web.login import admin_required
from web.pages.admin import act
from web.services import services, session

blueprint = Blueprint("webhooks", __name__, url_prefix="/admin/webhooks")


class WebhookForm(FlaskForm):
    url = StringField(
        "Address",
        [DataRequired("Say where events are sent to."), Length(max=LONGEST_URL)],
        render_kw={"type": "url", "inputmode": "url", "placeholder": "https://"},
    )
    description = StringField("What it is for (optional)", [Length(max=LONGEST_DESCRIPTION)])
    events = SelectMultipleField(
        "When a job",
        [DataRequired("Choose at least one event.")],
        choices=[SelectChoice(event) for event in EVENTS],
        default=list(EVENTS),
        option_widget=widgets.CheckboxInput(),
        widget=widgets.ListWidget(prefix_label=False),
    )
    submit = SubmitField("Create webhook")


@blueprint.get("/")
@admin_required
def overview() -> str:
    return _page(WebhookForm())


@blueprint.post("/")
@admin_required
def create() -> str | tuple[str, int]:
    form, settings = WebhookForm(), services().settings
    if not form.validate():
        return _page(form), 422
    try:
        _, secret = webhooks.create_webhook(
            session(),
            settings.secret_key.get_secret_value(),
            form.url.data,
            form.events.data,
            form.description.data or "",
            settings.webhook_private_addresses,
        )
    except (InputError, ConflictError) as error:
        form.url.errors = [str(error)]
        return _page(form), 422
    session().commit()
    return _page(WebhookForm(formdata=None), secret)


@blueprint.post("/<uuid:webhook_id>/test")
@admin_required
def test(webhook_id: UUID) -> Response:
    return _send(
        lambda: deliveries.add_test_event(session(), webhooks.get_webhook(session(), webhook_id)),
        "A test event is on its way.",
    )


@blueprint.post("/deliveries/<uuid:delivery_id>/again")
@admin_required
def again(delivery_id: UUID) -> Response:
    return _send(lambda: deliveries.redeliver(session(), delivery_id), "The event is sent again.")


@blueprint.post("/<uuid:webhook_id>/disable")
@admin_required
def disable(webhook_id: UUID) -> Response:
    return _change(
        lambda: webhooks.disable_webhook(session(), webhook_id),
        "The webhook is disabled: it is told nothing more.",
    )


@blueprint.post("/<uuid:webhook_id>/enable")
@admin_required
def enable(webhook_id: UUID) -> Response:
    return _change(
        lambda: webhooks.enable_webhook(session(), webhook_id),
        "The webhook is enabled: it is told what happens from now on.",
    )


@blueprint.post("/<uuid:webhook_id>/delete")
@admin_required
def delete(webhook_id: UUID) -> Response:
    return _change(
        lambda: webhooks.delete_webhook(session(), webhook_id), "The webhook is deleted."
    )


def _send(action: Callable[[], object], done: str) -> Response:
    answer = _change(action, done)
    enqueue_webhooks(services().queue)
    return answer


def _change(action: Callable[[], object], done: str) -> Response:
    def change() -> None:
        action()
        session().commit()

    return act(change, done, "webhooks.overview")


def _page(form: WebhookForm, secret: str | None = None) -> str:
    return render_template(
        "webhooks.html",
        form=form,
        secret=secret,
        webhooks=webhooks.list_webhooks(session()),
        latest=deliveries.latest_deliveries(session()),
        state_of=describe_state,
        attempts=deliveries.ATTEMPTS,
        https_only=not services().settings.webhook_private_addresses,
        button=ButtonForm(),
    )
