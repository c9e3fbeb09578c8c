# Needs Python >= 3.11, git and make. `make` lists the targets; each one works alone, from a fresh clone,
# in an environment of its own inside the checkout. PYTHON=/path/to/python names the Python to use.

SHELL := /bin/sh
PYTHON ?=

# Nothing of the user's reaches the commands, except where pip finds its packages.
unexport VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE PYTHONWARNINGS PYTHONOPTIMIZE
unexport PYTHONSAFEPATH PYTHONDONTWRITEBYTECODE
unexport PYTEST_ADDOPTS PYTEST_PLUGINS PYTEST_DISABLE_PLUGIN_AUTOLOAD MYPYPATH RUFF_CONFIG MATPLOTLIBRC
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON PIP_CONSTRAINT PIP_BUILD_CONSTRAINT PIP_REQUIREMENT
unexport PIP_EDITABLE PIP_NO_DEPS PIP_PRE PIP_UPGRADE PIP_DRY_RUN PIP_IGNORE_INSTALLED PIP_REQUIRE_HASHES
unexport PIP_NO_BINARY PIP_ONLY_BINARY PIP_NO_BUILD_ISOLATION PIP_IGNORE_REQUIRES_PYTHON
export PYTHONNOUSERSITE := 1
export MPLBACKEND := agg

RUN := MPLCONFIGDIR="$(CURDIR)/.venv/matplotlib" .venv/bin/python
RUN_LOWEST := MPLCONFIGDIR="$(CURDIR)/.venv-lowest/matplotlib" .venv-lowest/bin/python
PIP_INSTALL := -m pip install -qq --no-user --no-input --disable-pip-version-check --no-build-isolation
comma := ,
# What the commands use, and all that the project has.
USED_EXTRAS := progress,report,realdata,explore
ALL_EXTRAS := test,progress,report,dask,realdata,docs,explore
# One test process a core, so one linear-algebra thread a process; tests of a file share what they set up.
PYTEST := -m pytest -n auto --dist loadfile
export_threads := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help reproduce docs test test-slow test-lowest bench package lint references lock clean FORCE

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## */\1|/p' Makefile | while IFS='|' read -r target does; do \
		printf 'make %-12s %s\n' "$$target" "$$does"; \
	done

reproduce: .venv/.usable  ## check every claim and derivation, draw every figure and write the report, into results/
	@status=0; started=$$(date +%s); \
	echo "Checking every claim ..."; $(RUN) -m numerics verify || status=1; \
	echo "Deriving every closed form and drawing every figure ..."; \
	$(RUN) -m figures.derivations & deriving=$$!; \
	$(RUN) -m figures || status=1; wait $$deriving || status=1; \
	echo "Writing the report ..."; $(RUN) -m figures report || status=1; \
	seconds=$$(($$(date +%s) - started)); took="$$((seconds / 60)) min $$((seconds % 60)) s"; \
	if [ $$status -eq 0 ]; then echo "Done in $$took: the tables, derivations, figures and report.html are in results/"; \
	else echo "A step failed, see above; what was made is in results/"; fi; \
	exit $$status

# What takes long even as a draft is shown where make reproduce has drawn it.
DRAFTED := heads phase-portrait sample-complexity sparse-attention separation-trained real-data real-theory
docs: .venv/.ready  ## build the documentation, a site to read without a network, into results/docs
	@echo "Drawing what is quick to draw ..."
	@$(RUN) -m figures benefit-of-context hard-attention > /dev/null
	@drafts=; for name in $(DRAFTED); do [ -f results/figures/$$name.png ] || drafts="$$drafts $$name"; done; \
	[ -z "$$drafts" ] || $(RUN) -m figures --draft $$drafts > /dev/null
	@echo "Building the documentation ..."
	@$(RUN) -m figures.documentation

test: lint  ## lint, types, and all tests but the slow ones
	@echo "Testing ..."
	@$(export_threads) $(RUN) $(PYTEST)

test-slow: .venv/.ready  ## the slow tests alone
	@echo "Running the slow tests ..."
	@$(export_threads) $(RUN) $(PYTEST) -m slow --timeout 1800

test-lowest: .venv-lowest/.ready  ## the tests of make test on the oldest dependencies admitted
	@echo "Testing on the oldest dependencies ..."
	@$(export_threads) $(RUN_LOWEST) $(PYTEST)

bench: .venv/.ready  ## measure speed against plain alternatives, into results/benchmark.json
	@echo "Measuring, on one thread ..."
	@$(export_threads) $(RUN) -m numerics.benchmark

package:  ## build wheel and source, check what they say, and try the wheel in a clean environment, into dist/
	@$(call choose_python,python3 python3.13 python3.12 python3.11 python3.14,99,Python 3.11 or newer); \
	$(call discard,.venv-package) && rm -rf build dist *.egg-info && \
	echo "Building ..." && \
	$(call make_environment,.venv-package) && \
	.venv-package/bin/python $(PIP_INSTALL) --upgrade build setuptools wheel twine && \
	.venv-package/bin/python -m build --no-isolation --outdir dist > /dev/null && \
	.venv-package/bin/python -m twine check --strict dist/* && \
	echo "Installing the wheel alone ..." && \
	$(call discard,.venv-package) && $(call make_environment,.venv-package) && \
	.venv-package/bin/python $(PIP_INSTALL:--no-build-isolation=) dist/*.whl && \
	.venv-package/bin/python -m pip check && \
	mkdir .venv-package/elsewhere && cd .venv-package/elsewhere && \
	../bin/python -m theory error $(PACKAGE_EXAMPLE) && \
	../bin/python -m numerics simulate $(PACKAGE_EXAMPLE) --simulator overlap && \
	../bin/python -m numerics verify small-errors && \
	../bin/python -m figures benefit-of-context --draft && ls results results/figures && \
	echo "Checking types as a user's checker sees them ..." && \
	../bin/python $(PIP_INSTALL:--no-build-isolation=) mypy && \
	printf '%s\n' 'import theory' 'reveal_type(theory.averaging_error(100, 50, 1.0).error)' 'theory.averaging_error(100, 50)' > user.py && \
	{ ../bin/python -m mypy --strict user.py > types.txt; cat types.txt; \
	grep -q 'Revealed type is' types.txt && grep -q 'user.py:3: error' types.txt && ! grep -q 'import-untyped' types.txt; }

PACKAGE_EXAMPLE := --dim 101 --tokens 16 --relevant 2 --noise-kind prompt-orthogonal --samples 200 --head least-squares

lint: .venv/.ready  ## ruff and mypy
	@echo "Checking style and types ..."
	@$(RUN) -m ruff check
	@$(RUN) -m ruff format --check
	@$(RUN) -m mypy

references: .venv/.ready  ## compute the reference values of the tests anew
	@echo "Computing the reference values of the exact errors ..."
	@$(RUN) tests/references/generate.py
	@echo "Computing the reference values of the exact risk ..."
	@$(export_threads) $(RUN) tests/references/generate_risks.py
	@echo "Computing the reference values of the moments of attention ..."
	@$(RUN) tests/references/generate_moments.py

# Locked on the oldest Python admitted, for what installs there installs on the newer ones too.
lock:  ## choose the newest versions anew and write them to constraints.txt (needs Python 3.11)
	@$(call choose_python,python3.11 python3,11,Python 3.11); \
	$(call discard,.venv-lock) && \
	echo "Choosing versions in .venv-lock (about 1 minute, 900 MB) ..." && \
	$(call make_environment,.venv-lock) && \
	.venv-lock/bin/python $(PIP_INSTALL) --upgrade setuptools wheel && \
	.venv-lock/bin/python $(PIP_INSTALL) --editable '.[$(ALL_EXTRAS)]' && \
	{ grep "^#" constraints.txt && .venv-lock/bin/python -m pip freeze --all --exclude-editable --exclude pip; } \
		> .venv-lock/constraints.txt && \
	mv .venv-lock/constraints.txt constraints.txt && $(call discard,.venv-lock) && \
	echo "Done: constraints.txt holds the new versions; run make test and make test-lowest before committing it"

clean:  ## remove the environments, the caches and results/
	@rm -rf results build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find $(wildcard theory numerics figures tests) -name __pycache__ -type d -prune -exec rm -rf {} +
	@$(call discard,.venv-lock)
	@$(call discard,.venv-package)
	@$(call discard,.venv-lowest)
	@$(call discard,.venv)

# --- environments: each holds .made-by-make, written first, and is finished only with .ready, written last; .venv is ---
# --- usable before, with .usable, for what needs no tools; what it uses is then compiled as it is first imported ---

.venv/.usable: setup.cfg pyproject.toml constraints.txt
	@$(call choose_python,python3 python3.13 python3.12 python3.11 python3.14,99,Python 3.11 or newer); \
	$(call discard,.venv) && \
	echo "Making the environment .venv (about half a minute, 400 MB) ..." && \
	$(call make_environment,.venv) && \
	.venv/bin/python $(PIP_INSTALL) --constraint constraints.txt setuptools wheel && \
	.venv/bin/python $(PIP_INSTALL) --no-compile --constraint constraints.txt --editable '.[$(USED_EXTRAS)]' && \
	printf '%s\n' "$(CURDIR)" > .venv/.usable

.venv/.ready: .venv/.usable
	@echo "Adding the tools to .venv (about 1 minute, 500 MB) ..." && \
	.venv/bin/python $(PIP_INSTALL) --no-compile --constraint constraints.txt --editable '.[$(ALL_EXTRAS)]' && \
	{ .venv/bin/python -m compileall -q -j 0 .venv/lib > /dev/null || :; } && \
	printf '%s\n' "$(CURDIR)" > .venv/.ready

# The test tools keep the versions of constraints.txt, unless constraints-lowest.txt names another.
.venv-lowest/.ready: setup.cfg pyproject.toml constraints.txt constraints-lowest.txt
	@$(call choose_python,python3.11 python3.12 python3,12,Python 3.11 or 3.12 (the oldest numpy admitted runs on no newer one)); \
	$(call discard,.venv-lowest) && \
	echo "Making the environment .venv-lowest (about 1 minute, 600 MB) ..." && \
	$(call make_environment,.venv-lowest) && \
	sed -n 's/^\([A-Za-z0-9._-]*==\).*/^\1/p' constraints-lowest.txt > .venv-lowest/named && \
	grep -v -i -f .venv-lowest/named constraints.txt > .venv-lowest/constraints.txt && \
	.venv-lowest/bin/python $(PIP_INSTALL) -c .venv-lowest/constraints.txt setuptools wheel && \
	.venv-lowest/bin/python $(PIP_INSTALL) -c constraints-lowest.txt -c .venv-lowest/constraints.txt \
		--editable '.[$(subst test$(comma),,$(ALL_EXTRAS))]' hypothesis mpmath pytest pytest-timeout pytest-xdist && \
	printf '%s\n' "$(CURDIR)" > .venv-lowest/.ready

# An environment is made anew, too, if the checkout was moved, its Python is gone, or PYTHON= names another.
python_identity := import sys; print(sys.base_prefix, sys.version)
fits = $(shell [ "$$(cat $(1)/$(2) 2>/dev/null)" = "$(CURDIR)" ] && [ -x $(1)/bin/python ] \
	$(if $(PYTHON),&& [ "$$($(1)/bin/python -I -c '$(python_identity)' 2>/dev/null)" = "$$("$(PYTHON)" -I -c '$(python_identity)' 2>/dev/null)" ]) \
	&& echo yes)
ifneq ($(call fits,.venv,.usable),yes)
.venv/.usable: FORCE
endif
ifneq ($(call fits,.venv-lowest,.ready),yes)
.venv-lowest/.ready: FORCE
endif

# $(call choose_python,CANDIDATES,NEWEST MINOR VERSION,DESCRIPTION): set $$python to PYTHON or to the first that serves.
runs_on = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $(1)))
define choose_python
python=; bare=; \
for candidate in $(if $(PYTHON),"$(PYTHON)",$(1)); do \
	"$$candidate" -I -c '$(call runs_on,$(2))' 2>/dev/null || continue; \
	if "$$candidate" -I -c 'import ensurepip, venv' 2>/dev/null; then python=$$candidate; break; fi; \
	bare=$${bare:-$$candidate}; \
done; \
if [ -z "$$python" ] && [ -n "$$bare" ]; then \
	echo "$$bare lacks its modules venv and ensurepip: install them (on Debian and Ubuntu the package python3-venv)," \
		"or name another Python with PYTHON=/path/to/python." >&2; exit 2; \
elif [ -z "$$python" ]; then \
	echo "This needs $(3), and $(if $(PYTHON),PYTHON=$(PYTHON) is not one,none was found):" \
		"install one, or name one with PYTHON=/path/to/python." >&2; exit 2; \
fi
endef

# $(call discard,FOLDER): remove an environment that this Makefile made, the file that says so last; no other is touched.
define discard
{ if [ -e $(1) ] && [ ! -e $(1)/.made-by-make ]; then \
	echo "$(1) was not made by this Makefile, which needs that name: rename or remove it." >&2; exit 2; \
fi; \
rm -f $(1)/.ready $(1)/.usable && rm -rf $(1)/[!.]* && rm -rf $(1); }
endef

# $(call make_environment,FOLDER): an empty environment of $$python.
define make_environment
mkdir $(1) && : > $(1)/.made-by-make && "$$python" -I -m venv $(1)
endef
