#!/usr/bin/env bash
# Collects what a GPU machine without network lacks, as wheels for its Python, and the images to train on.
#   benchmarks/gpu_wheels.sh [FOLDER] [IMAGES.npz]      default folder: .gpu
# Environment: PYTHON_VERSION (3.12) and MACHINE (x86_64) of the GPU machine; PYTHON with pip here (python3).
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-.gpu}
images=${2:-}
version=${PYTHON_VERSION:-3.12}
machine=${MACHINE:-x86_64}
# What is missing beside the packages that benchmarks/README.md lists, and what those need.
packages=(
  array_record grain importlib_resources ml_collections tensorboardX tensorflow-datasets
  dm-tree immutabledict simple_parsing docstring_parser tensorflow_metadata
  googleapis-common-protos termcolor toml
)
platforms=()
for glibc in 39 38 37 36 35 34 31 28 27 24 17 12 5; do
  platforms+=(--platform "manylinux_2_${glibc}_${machine}")
done
platforms+=(--platform "manylinux2014_${machine}" --platform "linux_${machine}" --platform any)
mkdir -p "$folder"
rm -f "$folder"/*.whl
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps \
  --only-binary=:all: --python-version "$version" --implementation cp "${platforms[@]}" \
  --dest "$folder" "${packages[@]}"
# It has no wheel, and is pure Python.
"${PYTHON:-python3}" -m pip wheel --quiet --disable-pip-version-check --no-deps \
  --wheel-dir "$folder" promise
if [ -n "$images" ]; then cp "$images" "$folder/images.npz"; fi
du -ch "$folder"/* | tail -n 1
