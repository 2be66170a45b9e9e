# make train: install and run the main job.   make test: install and run the tests.
# make bench: install PyTorch too and compare speeds.   make gpu: measure and check on a GPU.
# make lock: renew constraints.txt.
# The virtual environment is .venv; `source .venv/bin/activate` enters it. jax is built for what the
# machine has.
PYTHON ?= python3
CONFIG ?= configs/cgan_mnist.py
VENV := .venv
comma := ,
RUN := $(VENV)/bin/python
PIP = $(PYTHON) -m pip --python $(RUN) install --quiet --disable-pip-version-check

# An NVIDIA GPU answers nvidia-smi; a TPU is /dev/accel0, or a vfio device of Google's (0x1ae0).
ACCELERATOR := $(shell \
  if nvidia-smi >/dev/null 2>&1; then echo cuda12; \
  elif [ -e /dev/accel0 ] || { [ -e /dev/vfio/0 ] && grep -qs 0x1ae0 /sys/bus/pci/devices/*/vendor; }; \
  then echo tpu; else echo cpu; fi)

# pip of the system installs into the environment, and itself too, so that Debian's python3-venv is
# not needed. Of the packages in constraints.txt exactly those files are taken, by their hashes; what
# an accelerator or PyTorch needs besides comes at the versions that fit them.
define install
	test -x $(RUN) || $(PYTHON) -m venv --without-pip $(VENV)
	$(PIP) --require-hashes --requirement constraints.txt
	$(2)
	$(PIP) --no-build-isolation --editable ".[$(1)]"
	touch $@
endef

# PyTorch, for comparison only, is without CUDA where there is no GPU: that build, and nothing else,
# comes from PyTorch's index.
TORCH = $(if $(filter cuda12,$(ACCELERATOR)),,$(PIP) --no-deps \
  --index-url https://download.pytorch.org/whl/cpu $(shell grep -o 'torch==[0-9.]*' pyproject.toml))

.PHONY: train test bench gpu lint format lock clean

train: $(VENV)/.$(ACCELERATOR)
	$(RUN) train.py --config=$(CONFIG)
	@echo "These commands need the environment: source $(VENV)/bin/activate"

test: $(VENV)/.$(ACCELERATOR)-test
	JAX_PLATFORMS=cpu $(RUN) -m pytest

bench: $(VENV)/.$(ACCELERATOR)-bench
	$(RUN) -m benchmarks

gpu: $(VENV)/.$(ACCELERATOR)-bench
	$(RUN) -m benchmarks.gpu

lint: $(VENV)/.$(ACCELERATOR)-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.$(ACCELERATOR)-test
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# What the tests need, for all supported versions of Python.
lock: $(VENV)/.$(ACCELERATOR)
	$(PIP) uv
	printf 'pip\nsetuptools\n' | $(VENV)/bin/uv pip compile --quiet --upgrade --universal \
	  --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" \
	  --extra test --extra tags --extra svm --output-file constraints.txt pyproject.toml -

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/.$(ACCELERATOR): pyproject.toml constraints.txt
	$(call install,$(ACCELERATOR))

$(VENV)/.$(ACCELERATOR)-test: pyproject.toml constraints.txt
	$(call install,$(ACCELERATOR)$(comma)test)

$(VENV)/.$(ACCELERATOR)-bench: pyproject.toml constraints.txt
	$(call install,$(ACCELERATOR)$(comma)bench,$(TORCH))
