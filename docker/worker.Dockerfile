# A worker with torch, its CUDA libraries and detectron2. The driver comes from the host, through
# the NVIDIA container toolkit; without one the same image works on the CPU.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements/tools.txt requirements/worker.txt requirements/detectron2.txt requirements/
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/tools.txt \
 && /venv/bin/uv pip install --python /venv/bin/python --no-cache --require-hashes \
      -r requirements/worker.txt \
 && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps --no-build-isolation \
      --use-pep517 -r requirements/detectron2.txt
COPY pyproject.toml README.md lookalike.py ./
COPY catalog catalog
COPY stack stack
COPY models models
COPY workers workers
RUN /venv/bin/uv pip install --python /venv/bin/python --no-deps --no-build-isolation -e .

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home lookalike \
 && install -d -o lookalike -g lookalike /var/lib/lookalike
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
# The file system is read-only in the cluster: what libraries cache goes to /tmp.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    OMP_WAIT_POLICY=PASSIVE HOME=/tmp NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 10001
CMD ["celery", "-A", "workers.app", "worker", "-Q", "bulk", "--concurrency", "1"]
