"""Logging in to the admin pages, by password or by a one-time link, and out again."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from catalog.accounts import check_password, redeem_login_link
from catalog.tables import User
from web.forms import ButtonForm, LoginForm
from web.login import Account, throttle
from web.security import is_local
from web.services import session

blueprint = Blueprint("login", __name__)

_TOO_OFTEN = "Too many attempts. Please wait five minutes and try again."


@blueprint.get("/login")
def password() -> str:
    return render_template("login.html", form=LoginForm())


@blueprint.post("/login")
def check() -> Response | tuple[str, int]:
    """Log in by email and password; failures count for the address and for the email."""
    form = LoginForm()
    keys = [f"from {request.remote_addr}", f"as {str(form.email.data).strip().lower()}"]
    if any(throttle().blocks(key) for key in keys):
        flash(_TOO_OFTEN, "danger")
        return render_template("login.html", form=form), 429
    user = _check(form) if form.validate_on_submit() else None
    if user is None:
        for key in keys:
            throttle().fail(key)
        flash("Email or password is wrong.", "danger")
        return render_template("login.html", form=form), 401
    for key in keys:
        throttle().forget(key)
    return _enter(user)


@blueprint.get("/login/link/<secret>")
def link(secret: str) -> str:
    """Ask before the link is used up: mail scanners and previews open links, too."""
    return render_template("login_link.html", form=ButtonForm())


@blueprint.post("/login/link/<secret>")
def redeem(secret: str) -> Response | tuple[str, int]:
    user = redeem_login_link(session(), secret)
    session().commit()
    if user is None:
        flash("This link has been used or has expired. Log in with your password.", "danger")
        return render_template("login.html", form=LoginForm()), 410
    return _enter(user)


@blueprint.post("/logout")
def leave() -> Response:
    logout_user()
    cookie.clear()
    return redirect(url_for("browse.grid"))


def _check(form: LoginForm) -> User | None:
    user = check_password(session(), str(form.email.data).strip(), str(form.password.data))
    session().commit()
    return user


def _enter(user: User) -> Response:
    """Start a fresh session, so that a planted one gains nothing; go where they wanted to."""
    cookie.clear()
    login_user(Account(user))
    cookie.permanent = True
    target = request.args.get("next")
    return redirect(target if target and is_local(target) else url_for("admin.overview"))
