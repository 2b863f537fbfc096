# Debian or what is made of it, with or without Python. An argument so that a build can pin a digest.
ARG BASE=python:3.13-slim

# What the image runs on: `drainproxy redirect` drives nft.
FROM ${BASE} AS base
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends \
        nftables $(command -v python3 >/dev/null || echo python3) \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/*

FROM base AS build
# Python's own images can make environments, Debian's need a package for it.
RUN python3 -c "import ensurepip" 2>/dev/null \
    || { apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-venv; }
WORKDIR /src
# The lock first: a change of the code does not install the dependencies again.
COPY pyproject.toml constraints.txt ./
COPY .ci/install.py .ci/
# Two environments, because what builds the wheel has no business in the image. The second is
# made where it will run: its scripts carry that path in their first line.
RUN python3 .ci/install.py /build build && python3 .ci/install.py /opt/drainproxy grpc-health kube smoke
COPY LICENSE README.md ./
COPY drainproxy drainproxy
RUN /build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/drainproxy/bin/python -m pip install --no-deps --no-index /dist/*.whl \
    && /opt/drainproxy/bin/python -m pip uninstall --yes pip setuptools
# The root file system is read-only when it runs, so the bytecode is written now. Checked by hash
# and never against the source: layers do not keep the time stamps that the default relies on.
RUN /opt/drainproxy/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/drainproxy

FROM base
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="drainproxy" \
      org.opencontainers.image.description="An L7 sidecar proxy that says goodbye to every client before its app goes away" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/drainproxy /opt/drainproxy
# Nothing may be written (read-only root), and a log line must not wait in a buffer.
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/drainproxy/bin:$PATH
# In numbers: Kubernetes cannot verify runAsNonRoot for a name.
USER 65532:65532
EXPOSE 9180
# A vector, so no shell stands between the kubelet's SIGTERM and us. Process 1 hears of no signal for
# which it has no handler; blocked ones wait until it has, and env is there before an interpreter.
ENTRYPOINT ["env", "--block-signal=TERM,INT,QUIT,HUP,USR1,USR2,ALRM,TTIN,TTOU,IO,PROF,VTALRM", "/opt/drainproxy/bin/drainproxy"]
