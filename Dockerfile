# Three stages: what the browser needs, what Python needs, and an image with neither compiler nor package manager in use.
FROM node:20-slim AS browser
WORKDIR /build/service/frontend
COPY service/frontend/package.json service/frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY service/static/ ../static/
COPY service/frontend/ ./
RUN node build.mjs

FROM python:3.11-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/python
# Only what the service needs, not the service: this layer is kept until a version changes.
COPY pyproject.toml constraints.txt README.md ./
COPY service/__init__.py service/
RUN /opt/python/bin/pip install --constraint constraints.txt . \
 && /opt/python/bin/pip uninstall --yes casework-service

FROM python:3.11-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin service \
 && install --directory --owner service /var/lib/service /var/lib/backups
COPY --from=packages /opt/python /opt/python
WORKDIR /srv
COPY processes/ processes/
COPY forms/ forms/
COPY service/ service/
COPY --from=browser /build/service/static/build/ service/static/build/
ENV PATH=/opt/python/bin:$PATH PYTHONUNBUFFERED=1 CASEWORK_DATA_FOLDER=/var/lib/service
RUN python -m compileall -q service
USER service
VOLUME /var/lib/service
EXPOSE 8000
# Sync workers, so that a request that hangs is ended after its time; no control socket.
CMD ["gunicorn", "service.app:from_environment()", "--bind=0.0.0.0:8000", "--worker-class=sync", "--workers=3", \
     "--timeout=60", "--max-requests=2000", "--max-requests-jitter=200", "--no-control-socket", \
     "--worker-tmp-dir=/dev/shm", "--access-logfile=-"]
