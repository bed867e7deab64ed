"""The Celery app and its settings; `celery -A workers.app` starts a worker or the beat from it.

Like a WSGI module this is an entry point: it reads the settings when it is imported.
"""

import logging
import sys
from typing import Any

from celery import Celery
from celery.signals import after_setup_logger, worker_init, worker_shutting_down

from catalog.errors import ConfigError, LookalikeError
from catalog.queue import BULK, INTERACTIVE, SEND_WEBHOOKS, SWEEP, SYNC_INDEX, TIDY
from catalog.settings import Settings, load_settings
from workers import stopping


def make_app(settings: Settings) -> Celery:
    """The app for these settings; tasks are found in `workers.tasks`."""
    app = Celery("lookalike", broker=settings.redis_url, include=["workers.tasks"])
    app.conf.update(
        # A task whose process dies comes back; the attempts counted in the photo rows end that.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_default_queue=BULK,
        task_time_limit=settings.visibility_timeout_s,
        task_soft_time_limit=max(1, settings.visibility_timeout_s - 60),
        # A GPU process that leaks must not live for ever; the models reload in a second.
        worker_max_tasks_per_child=1000,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": settings.visibility_timeout_s,
            # kombu looks for lost messages only every 100 s or so unless told otherwise.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "socket_timeout": 10,
        },
        beat_schedule={
            "sweep": {
                "task": SWEEP,
                "schedule": settings.sweep_every_s,
                # Not behind a backlog: it is the sweep that frees what dead workers hold.
                "options": {"queue": INTERACTIVE, "expires": settings.sweep_every_s},
            },
            "tidy": {
                "task": TIDY,
                "schedule": 10 * settings.sweep_every_s,
                "options": {"queue": BULK, "expires": 100 * settings.sweep_every_s},
            },
            "sync": {
                "task": SYNC_INDEX,
                "schedule": min(15.0, settings.sweep_every_s),
                "options": {"queue": INTERACTIVE, "expires": 15},
            },
            "webhooks": {
                "task": SEND_WEBHOOKS,
                "schedule": min(15.0, settings.sweep_every_s),
                "options": {"queue": INTERACTIVE, "expires": 15},
            },
        },
        timezone="UTC",
    )
    return app


@worker_init.connect
def _refuse_bad_checkpoints(**_: Any) -> None:
    """A worker that could not load its models would eat the queue: stop it before it starts."""
    from workers.resources import configured_cards

    try:
        configured_cards(load_settings())
    except LookalikeError as error:
        raise SystemExit(f"worker: {error}") from error


@after_setup_logger.connect
def _quiet_clients(**_: Any) -> None:
    """A line for each request to the index would drown what the worker says itself."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


@worker_shutting_down.connect
def _tell_children(**_: Any) -> None:
    stopping.request_stop()


def _make_app() -> Celery:
    try:
        return make_app(load_settings())
    except ConfigError as error:
        sys.exit(f"lookalike worker cannot start: {error}")


app = _make_app()
