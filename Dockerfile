# make demo in a container: a real table synthesised, scored and drawn.
#
#   docker build --tag tabdiff .
#   mkdir -p output
#   docker run --rm --user "$(id -u)" --volume "$PWD/output:/tabdiff/examples/output" tabdiff
#
# It computes on the processor. With the address of PyTorch's index of CPU wheels as
# --build-arg PIP_EXTRA_INDEX_URL=... the image is some gigabytes smaller.
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /tabdiff
COPY . .
ARG PIP_EXTRA_INDEX_URL
RUN PIP_NO_CACHE_DIR=1 make environment

CMD ["make", "demo"]
