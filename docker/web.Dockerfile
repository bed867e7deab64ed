# The web app and the commands around it. No torch, no models: a few hundred megabytes.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements/tools.txt requirements/web.txt requirements/
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/tools.txt \
 && /venv/bin/uv pip install --python /venv/bin/python --no-cache --compile-bytecode \
      --require-hashes -r requirements/web.txt
COPY pyproject.toml README.md lookalike.py ./
COPY catalog catalog
COPY stack stack
COPY ingest ingest
COPY lookalike_client lookalike_client
COPY migrations migrations
COPY web web
RUN /venv/bin/uv pip install --python /venv/bin/python --no-deps --no-build-isolation -e .

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home lookalike \
 && install -d -o lookalike -g lookalike /var/lib/lookalike
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8000
# No access log: the address of a login link is a secret, and it would stand there.
CMD ["gunicorn", "web.wsgi:app", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "8", "--timeout", "60", "--worker-tmp-dir", "/dev/shm", \
     "--no-control-socket", "--limit-request-line", "8190"]
