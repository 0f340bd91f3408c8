# One image for every service of docker-compose.yml and deploy/. The command selects the service; without one, it is the
# whole service, with its data in the volume /data: `docker run -p 8000:8000 -e SLIMGEST_API_KEYS=… -v data:/data slimgest`.
# Any image with Debian's apt-get, python3 and its venv.
ARG BASE=python:3.12-slim
FROM $BASE AS build
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
RUN python3 -m venv /opt/slimgest && /opt/slimgest/bin/pip install --no-cache-dir ".[$EXTRAS]"

FROM $BASE
# Debian packages of Tesseract's data, for EXTRAS with `tesseract`: `--build-arg LANGUAGES="tesseract-ocr-osd
# tesseract-ocr-eng tesseract-ocr-rus tesseract-ocr-script-arab"`.
ARG LANGUAGES=
# PDFs may use Chinese, Japanese and Korean fonts without containing them: PDFium then draws with this one.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-droid-fallback $LANGUAGES && rm -rf /var/lib/apt/lists/*
# Any user may run the image. /data is writable for the group 0 too, which is the group of users without a name.
RUN useradd --no-create-home --home-dir /tmp --uid 10001 slimgest && mkdir /data && chown 10001:0 /data && chmod 770 /data
COPY --from=build /opt/slimgest /opt/slimgest
# Only /data and /tmp are written: the root file system may be read-only.
ENV PATH=/opt/slimgest/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp XDG_DATA_HOME=/data SLIMGEST_STORAGE_URL=/data/jobs
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=60s CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"
# The whole service: a Redis if SLIMGEST_REDIS_URL is not set, workers, beat and the API. It needs SLIMGEST_API_KEYS. The API
# alone: `python -m api --host 0.0.0.0`.
CMD ["slimgest", "up", "--host", "0.0.0.0"]
