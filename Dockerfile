# One image for every service of docker-compose.yml and deploy/kubernetes; which one it is, the command says.
FROM python:3.12-slim AS build
# Extras of pyproject.toml. `gpu` is for workers on GPUs (docker-compose.gpu.yml), `tesseract` wants its language data
# installed below, `otel` sends traces.
ARG EXTRAS=flower,s3
WORKDIR /src
# All that pip needs: the packages and their data (the web page is in api/), and the README for its metadata.
COPY pyproject.toml README.md celeryconfig.py ./
COPY slimgest_celery slimgest_celery
COPY workers workers
COPY api api
RUN python -m venv /opt/slimgest && /opt/slimgest/bin/pip install --no-cache-dir ".[$EXTRAS]"

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 slimgest && mkdir /data && chown slimgest /data
COPY --from=build /opt/slimgest /opt/slimgest
ENV PATH=/opt/slimgest/bin:$PATH PYTHONUNBUFFERED=1 SLIMGEST_STORAGE_URL=/data/jobs
USER slimgest
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=60s CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"
CMD ["python", "-m", "api", "--host", "0.0.0.0", "--port", "8000", "--insecure"]
