# Needs python3 >= 3.11 with venv, and make; everything else comes from constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test test-all loadtest lint format lock image manifests pictures clean

help:
	@echo "make demo       a rollout in front of your eyes, with drainproxy, with preStop: sleep and with"
	@echo "                nothing, in a minute"
	@echo "make test       the tests, lint and types included, in lanes side by side"
	@echo "make test-all   those that take long too: what the nightly run does"
	@echo "make loadtest   locust for a minute against a rehearsal, with reports"
	@echo "make lint       ruff, mypy and typos alone"
	@echo "make format     bring the code into shape"
	@echo "make lock       renew constraints.txt after a change of pyproject.toml (needs uv);"
	@echo "                LOCK_FLAGS=--upgrade takes the newest version of everything"
	@echo "make image      build the image with podman and prove that it runs as promised;"
	@echo "                BASE=debian:trixie-slim and TAG=NAME:TAG are taken"
	@echo "make manifests  the kustomize base, made from the Helm chart, its page, and the dashboard"
	@echo "make pictures   those of the pages: a report of the demo (needs Chromium), the plot of costs"
	@echo "make clean      remove what the other targets made"

DEMO := rehearse --compare --prestop-sleep 5s --http 30 --websocket 10 --sse 10 --grpc 10 \
  --before 4s --after 5s --drain-delay 3s --drain-spread 5s

demo: $(VENV)/.stamp
	$(BIN)/python -m drainproxy $(DEMO)

# With ARGS pytest alone, on what they name.
test: $(VENV)/.stamp
	$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests.lanes)

test-all: $(VENV)/.stamp
	$(BIN)/python -m tests.lanes --all $(ARGS)

loadtest: $(VENV)/.stamp
	$(BIN)/python -m loadtests.local $(ARGS)

lint: $(VENV)/.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/typos

format: $(VENV)/.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The stamp is written last: an installation that broke off is made again, and one that is
# whole is kept until the lock or the project changes.
$(VENV)/.stamp: constraints.txt pyproject.toml .ci/install.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "drainproxy needs Python 3.11 or newer, $(PYTHON) is older or missing:" \
	    "try make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo "$(PYTHON) has no venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) .ci/install.py $(VENV) dev grpc-health kube loadtest migrations rehearsal smoke
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Without headers, addresses and the machine's own configuration, so that the same pyproject.toml
# gives the same file for everyone.
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv in PATH" >&2; exit 1; }
	uv pip compile --no-config --quiet --universal --python-version 3.11 --all-extras \
	  $(foreach group,build dev fuzz release,--group $(group)) \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  $(LOCK_FLAGS) --output-file constraints.txt pyproject.toml

image:
	.ci/image

manifests: $(VENV)/.stamp
	$(BIN)/python -m tests.deploy.kustomize
	$(BIN)/python -m tests.deploy.monitoring
	$(BIN)/python -m tests.deploy.chart_readme

# The browser sees our own page alone: it needs no sandbox, which root could not have.
pictures: $(VENV)/.stamp
	$(BIN)/python -m drainproxy $(DEMO) --html $(VENV)/report.html
	$(or $(BROWSER),chromium) --headless --no-sandbox --hide-scrollbars --window-size=960,1385 \
	  --screenshot=drainproxy/rehearsal/report.png $(VENV)/report.html
	$(BIN)/python -m loadtests.bench.plot

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
