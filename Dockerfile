# robustrank on processors, with the quickstart's collection and encoder.
#   docker build -t robustrank .
#   docker run --rm -v "$PWD:/data" -v robustrank-cache:/cache robustrank run quickstart
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY robustrank robustrank
COPY attacks attacks
COPY defenses defenses
COPY experiments experiments
COPY tasks tasks
RUN python -m venv /opt/robustrank \
 && /opt/robustrank/bin/pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu \
 && /opt/robustrank/bin/pip install --no-cache-dir ".[quickstart]"

FROM python:3.12-slim
COPY --from=build /opt/robustrank /opt/robustrank
RUN useradd --create-home --uid 1000 robustrank && install --directory --owner robustrank /cache /data
ENV PATH=/opt/robustrank/bin:$PATH ROBUSTRANK_CACHE=/cache
USER robustrank
WORKDIR /data
ENTRYPOINT ["robustrank"]
CMD ["--help"]
