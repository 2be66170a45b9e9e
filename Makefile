# make train: install and run the main job.   make test: install and run the tests.
# make bench: install PyTorch too and compare speeds.
# The virtual environment is .venv; `source .venv/bin/activate` enters it. jax is built for what the
# machine has.
PYTHON ?= python3
CONFIG ?= configs/cgan_mnist.py
VENV := .venv
comma := ,
RUN := $(VENV)/bin/python

# An NVIDIA GPU answers nvidia-smi; a TPU is /dev/accel0, or a vfio device of Google's (0x1ae0).
ACCELERATOR := $(shell \
  if nvidia-smi >/dev/null 2>&1; then echo cuda12; \
  elif [ -e /dev/accel0 ] || { [ -e /dev/vfio/0 ] && grep -qs 0x1ae0 /sys/bus/pci/devices/*/vendor; }; \
  then echo tpu; else echo cpu; fi)

# PyTorch, for comparison only, comes without CUDA where there is no GPU.
TORCH_INDEX := $(if $(filter cuda12,$(ACCELERATOR)),,--extra-index-url https://download.pytorch.org/whl/cpu)

# pip of the system installs into the environment, and itself too, so that Debian's python3-venv is
# not needed.
define install
	test -x $(RUN) || $(PYTHON) -m venv --without-pip $(VENV)
	$(PYTHON) -m pip --python $(RUN) install --quiet --disable-pip-version-check pip --editable ".[$(1)]" $(2)
	touch $@
endef

.PHONY: train test bench lint format clean

train: $(VENV)/.$(ACCELERATOR)
	$(RUN) train.py --config=$(CONFIG)
	@echo "These commands need the environment: source $(VENV)/bin/activate"

test: $(VENV)/.$(ACCELERATOR)-test
	JAX_PLATFORMS=cpu $(RUN) -m pytest

bench: $(VENV)/.$(ACCELERATOR)-bench
	$(RUN) -m benchmarks

lint: $(VENV)/.$(ACCELERATOR)-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.$(ACCELERATOR)-test
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/.$(ACCELERATOR): pyproject.toml
	$(call install,$(ACCELERATOR))

$(VENV)/.$(ACCELERATOR)-test: pyproject.toml
	$(call install,$(ACCELERATOR)$(comma)test)

$(VENV)/.$(ACCELERATOR)-bench: pyproject.toml
	$(call install,$(ACCELERATOR)$(comma)bench,$(TORCH_INDEX))
