# One image for every service of docker-compose.yml and deploy/kubernetes. The command selects the service.
FROM python:3.12-slim AS build
# Extras of pyproject.toml: `gpu` for workers on GPUs (docker-compose.gpu.yml), `tesseract` (install its language data in
# the second stage too), `heif` for HEIC images, `otel` for traces.
ARG EXTRAS=flower,s3
WORKDIR /src
# Everything that pip needs: the packages with their data, and the README and licence for the metadata.
COPY pyproject.toml README.md LICENSE celeryconfig.py ./
COPY build_tools build_tools
COPY slimgest_celery slimgest_celery
COPY workers workers
COPY api api
RUN python -m venv /opt/slimgest && /opt/slimgest/bin/pip install --no-cache-dir ".[$EXTRAS]"

FROM python:3.12-slim
# Debian packages of Tesseract's data, for EXTRAS with `tesseract`: `--build-arg LANGUAGES="tesseract-ocr-osd
# tesseract-ocr-eng tesseract-ocr-rus tesseract-ocr-script-arab"`.
ARG LANGUAGES=
# PDFs may use Chinese, Japanese and Korean fonts without containing them: PDFium then draws with this one.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-droid-fallback $LANGUAGES && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 slimgest && mkdir /data && chown slimgest /data
COPY --from=build /opt/slimgest /opt/slimgest
ENV PATH=/opt/slimgest/bin:$PATH PYTHONUNBUFFERED=1 SLIMGEST_STORAGE_URL=/data/jobs
USER slimgest
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=60s CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"
CMD ["python", "-m", "api", "--host", "0.0.0.0", "--port", "8000", "--insecure"]
