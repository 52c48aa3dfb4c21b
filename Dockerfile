# ckpt-report in a container: slim, not root, kernels compiled when it is built, no network when it runs.
#   docker build -t ckpt-report .
#   docker run --rm --network none -v "$PWD/ckpts:/ckpts:ro" -v "$PWD/reports:/reports" --user "$(id -u)" ckpt-report
FROM python:3.12-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/ckpt-report
COPY locks/run.txt locks/run.txt
RUN pip install --no-cache-dir --require-hashes -r locks/run.txt
COPY reporter reporter
COPY templates templates

# The kernels lie beside the source, where any user can read and none but root can write; what a run keeps is in /cache.
ENV PYTHONPATH=/opt/ckpt-report MPLCONFIGDIR=/opt/matplotlib MPLBACKEND=Agg TF_CPP_MIN_LOG_LEVEL=3
RUN mkdir -p /cache /reports /opt/matplotlib && chmod 1777 /cache /reports \
    && python -m reporter warm-up && chmod -R a+rX /opt
ENV CKPT_REPORT_CACHE=/cache

USER 65534:65534
ENTRYPOINT ["python", "-m", "reporter"]
CMD ["report", "/ckpts", "-o", "/reports"]
