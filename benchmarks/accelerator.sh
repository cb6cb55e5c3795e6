#!/usr/bin/env bash
# What has to be seen on an accelerator: parity with the processor, then the figures of docs/performance.md.
set -e
cd "$(dirname "$0")/.."
python="${PYTHON:-python}"
"$python" -m pytest -q -rs tests/rankers/test_device.py
"$python" benchmarks/devices.py --pairs 4000
