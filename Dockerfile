# Comfy Creator in a container; docs/how-to/container.md says how to run it and where the token is.
FROM python:3.12-slim-bookworm

WORKDIR /build
COPY requirements.lock requirements-torch.lock ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock \
    && pip install --no-cache-dir -r requirements-torch.lock

COPY pyproject.toml README.md CHANGELOG.md LICENSE NOTICE ./
COPY app ./app
COPY frontend_dist ./frontend_dist
COPY migrations ./migrations
COPY static ./static
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index .

RUN useradd --create-home --uid 1000 creator && install --directory --owner=creator --group=creator /workspace
USER 1000
ENV CC_BASE_DIRECTORY=/workspace
WORKDIR /workspace
VOLUME /workspace
EXPOSE 8188
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8188/healthz', timeout=4)"]
CMD ["comfy-creator", "serve", "--listen", "0.0.0.0", "--port", "8188"]
