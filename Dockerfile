# One metric behind HTTP, on the CPU, as an ordinary user: docs/serving.md.
FROM python:3.11-slim

# Where pip finds PyTorch's CPU build; without it, the usual index and its build with CUDA.
ARG TORCH_INDEX=""

RUN useradd --uid 10001 scorer && mkdir /weights && chown scorer /weights
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==2.13.0 \
    && pip install --no-cache-dir -c constraints.txt '.[lmm,serve]'

USER scorer
ENV LMM4LMM_HOME=/weights HF_HOME=/weights/huggingface
VOLUME /weights
EXPOSE 8000
HEALTHCHECK --start-period=5m \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=5)"]
ENTRYPOINT ["lmm4lmm", "serve", "--host", "0.0.0.0", "--token-env", "LMM4LMM_TOKEN"]
CMD ["--metric", "nano"]
