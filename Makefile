# make demo   set up, shrink a photograph, enlarge it with MSSN and bicubic, show the difference
# make test   set up, run all checks and tests
# make format put the code into its house style

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
IMG    ?=
# Asked for the CPU build of PyTorch only where pip does not find one by itself.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: demo test check format clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	@photo="$(IMG)"; \
	[ -n "$$photo" ] || photo=$$($(BIN)/python -c "import skimage, pathlib; print(pathlib.Path(skimage.__file__).parent / 'data' / 'astronaut.png')"); \
	$(BIN)/mssn compare "$$photo" --output demo.png --force

test: $(VENV)/.dev check
	$(BIN)/python -m pytest -q

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/pyright

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The base install has no PyTorch: enlarging pictures does not need it.
$(VENV)/.demo: pyproject.toml
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e . scikit-image
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt torch || \
	$(BIN)/python -m pip install -q -c constraints.txt --extra-index-url $(TORCH_INDEX) torch
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo.png
