"""The admin's page of API tokens: a new secret is shown once, a revoked one works no more."""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from catalog.accounts import create_token, list_tokens, revoke_token
from web.forms import ButtonForm, TokenForm
from web.login import admin_required
from web.services import session

blueprint = Blueprint("tokens", __name__, url_prefix="/admin/tokens")


@blueprint.get("/")
@admin_required
def overview() -> str:
    return _page(TokenForm())


@blueprint.post("/")
@admin_required
def create() -> str | tuple[str, int]:
    form = TokenForm()
    if not form.validate():
        return _page(form), 422
    secret = create_token(session(), form.name.data, form.scopes.data)
    session().commit()
    return _page(TokenForm(formdata=None), secret)


@blueprint.post("/<int:token_id>/revoke")
@admin_required
def revoke(token_id: int) -> Response:
    revoke_token(session(), token_id)
    session().commit()
    flash("The token is revoked.", "success")
    return redirect(url_for("tokens.overview"))


def _page(form: TokenForm, secret: str | None = None) -> str:
    tokens = list_tokens(session())
    return render_template(
        "tokens.html", form=form, tokens=tokens, secret=secret, button=ButtonForm()
    )
