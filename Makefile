# make quickstart   train, forecast and verify on real weather, to a report
# make earth        the same on a simulated Earth of 22 variables
# make earth-system  its atmosphere and its ocean: in one model, and in two that hear each other
# make ensembles    members from a deterministic model, beside that model trained on: on both data sets (ensembles-earth, ensembles-sample)
# make regions      a limited area and a stretched grid on the same, beside a coarser model
# make downscaling  states between two known ones, and a fine region from coarse fields, beside linear interpolation
# make test         every check of every distribution
# make docs         the documentation site, warnings being errors
# make benchmark    what is measured, measured
# make matrix       which versions work together, proved: all of compat-matrix.yaml
# make small-matrix  the part of it that a change is checked against
# make parity       our layers beside the peer's: whether they are the same mathematics
# make layers       and how fast they are, and how much memory they take
# make training     how long a step of a training takes beside the peer's, and how much memory

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
DISTRIBUTIONS := core meta-ci $(wildcard plugins/anemoi-plugin-*)
SUITES := $(addprefix suite/,tests $(DISTRIBUTIONS))
JOBS ?= 2
RUN := quickstart/run/checkpoint.safetensors

.PHONY: quickstart earth earth-system regions ensembles ensembles-earth ensembles-sample downscaling test lint types docs benchmark matrix small-matrix parity layers training clean $(SUITES)

quickstart: $(VENV)/installed
	rm -rf quickstart
	$(BIN)/anemoi train +experiment=quickstart --output quickstart/run
	$(BIN)/anemoi forecast $(RUN) --date 2025-12-23T00 --lead-time 72h --output quickstart/forecast.zarr
	$(BIN)/anemoi evaluate $(RUN) --report quickstart/report

earth: $(VENV)/installed
	rm -rf earth
	$(BIN)/anemoi train +experiment=sample-earth --output earth/run
	$(BIN)/anemoi evaluate earth/run/checkpoint.safetensors --lead-time 72h --report earth/report

earth-system: $(VENV)/installed
	rm -rf earth-system
	$(BIN)/anemoi train +experiment=earth-system --output earth-system/joint
	$(BIN)/anemoi evaluate earth-system/joint/checkpoint.safetensors --lead-time 72h --report earth-system/report
	$(BIN)/anemoi train +experiment=earth-system-atmosphere --output earth-system/atmosphere
	$(BIN)/anemoi train +experiment=earth-system-ocean --output earth-system/ocean
	$(BIN)/anemoi forecast --couple benchmarks/earth_system.yaml
	$(BIN)/python benchmarks/earth_system.py $(foreach run,joint atmosphere ocean,earth-system/$(run)/checkpoint.safetensors)

# The coarser model that both are compared with, and that drives the limited area.
COARSE := data=subset "data.source={name: sample-earth}" "data.drop=[sst,ci]" data.thinning=2 \
	dates.end=2000-05-08T00 scalers.variable.weights=null graph.refinement=3 \
	training.steps=1500 training.rollout_steps=300

regions: $(VENV)/installed
	rm -rf regions
	$(BIN)/anemoi train +experiment=sample-earth $(COARSE) --output regions/coarse
	$(BIN)/anemoi train +experiment=limited-area --output regions/limited-area
	$(BIN)/anemoi train +experiment=stretched-grid --output regions/stretched-grid
	for experiment in limited-area stretched-grid; do \
		$(BIN)/python benchmarks/regions.py regions/$$experiment/checkpoint.safetensors \
			--coarse regions/coarse/checkpoint.safetensors || exit; done

# Of each data set a deterministic model (one), members that begin with it (many), and itself trained on for about as
# long (more). Of the few days of sample there are four of each, from four seeds, whose networks share the members (pool).
# Days between training and test are left for choices: a validation for the ensemble.
MEMBERS := loss=crps objective.noise_channels=8 training.learning_rate=5.0e-3 \
	"training.start.new=['*modulation*']" "training.start.drop=['*norm*.norm.*']"
HELD_OUT := dates.end=2000-05-03T00 dates.validation.start=2000-05-03T06 dates.validation.end=2000-05-08T00
ONWARDS := training.learning_rate=5.0e-3
SAMPLE_MANY := $(addprefix ensembles/sample-many-,0 1 2 3)
# Ensembles of eight and of four are compared by what each would score with members without end.
FAIR := --metric-option crps.fair=true
TEST_EARTH := --lead-time 72h --start 2000-05-16T06 --end 2000-05-21T12
TEST_SAMPLE := --lead-time 72h --start 2025-12-22

# An ensemble beside deterministic models, from the same dates.
define compare
	cd ensembles && $(BIN)/anemoi evaluate $(1)/checkpoint.safetensors $(3) --json --members 8 --lagged 4 $(FAIR) > $(1).json
	cd ensembles && for one in $(2); do \
		$(BIN)/anemoi evaluate $$one/checkpoint.safetensors $(3) --json --metric crps > $$one.json || exit; \
		$(BIN)/python ../benchmarks/ensembles.py $(1).json $$one.json || exit; done
endef

ensembles: ensembles-earth ensembles-sample

ensembles-earth: $(VENV)/installed
	rm -rf ensembles/earth-*
	mkdir -p ensembles
	$(BIN)/anemoi train +experiment=sample-earth dates.end=2000-05-03T00 --output ensembles/earth-one
	$(BIN)/anemoi train +experiment=sample-earth-ensemble --from ensembles/earth-one/checkpoint.safetensors $(MEMBERS) \
		$(HELD_OUT) training.steps=400 training.rollout=2 training.rollout_steps=150 --output ensembles/earth-two
	$(BIN)/anemoi train +experiment=sample-earth-ensemble --from ensembles/earth-two/checkpoint.safetensors \
		$(HELD_OUT) training.steps=20 training.rollout_steps=16 training.warmup_steps=4 training.learning_rate=2.5e-3 \
		--output ensembles/earth-many
	$(BIN)/anemoi train +experiment=sample-earth --from ensembles/earth-one/checkpoint.safetensors $(ONWARDS) \
		dates.end=2000-05-03T00 training.steps=500 training.rollout_steps=150 --output ensembles/earth-more
	$(call compare,earth-many,earth-one earth-more,$(TEST_EARTH))

ensembles-sample: $(VENV)/installed
	rm -rf ensembles/sample-*
	mkdir -p ensembles/sample-pool ensembles/sample-ones
	OMP_NUM_THREADS=1 $(MAKE) --jobs $(JOBS) --output-sync=target --no-print-directory $(SAMPLE_MANY)
	for kind in many-:pool one-:ones; do \
		$(BIN)/anemoi checkpoint pool ensembles/sample-$${kind%:*}*/checkpoint.safetensors \
			--output ensembles/sample-$${kind#*:}/checkpoint.safetensors || exit; done
	$(BIN)/anemoi train +experiment=quickstart --from ensembles/sample-one-0/checkpoint.safetensors $(ONWARDS) \
		training.steps=400 training.rollout_steps=150 --output ensembles/sample-more
	$(call compare,sample-pool,sample-one-0 sample-more,$(TEST_SAMPLE))
	$(call compare,sample-many-0,sample-one-0,$(TEST_SAMPLE))
	$(BIN)/anemoi evaluate ensembles/sample-ones/checkpoint.safetensors $(TEST_SAMPLE) --members 4 $(FAIR)

$(SAMPLE_MANY): ensembles/sample-many-%:
	$(BIN)/anemoi train +experiment=quickstart training.seed=$* --output ensembles/sample-one-$*
	$(BIN)/anemoi train +experiment=quickstart objective=ensemble training.seed=$* \
		--from ensembles/sample-one-$*/checkpoint.safetensors $(MEMBERS) scalers.tendency.name=tendency-stdev \
		"training.learning_rates=[{weights: '*modulation*', factor: 0.1}]" training.steps=300 training.rollout=3 \
		training.rollout_steps=100 training.ema=0.98 training.validation.members=8 training.validation.rollout=4 \
		"metric=[crps,spread-skill]" --output $@

downscaling: $(VENV)/installed
	rm -rf downscaling
	for experiment in temporal-interpolator regional-downscaler; do \
		$(BIN)/anemoi train +experiment=$$experiment --output downscaling/$$experiment && \
		$(BIN)/python benchmarks/downscaling.py downscaling/$$experiment/checkpoint.safetensors || exit; done

test: lint types docs
	$(MAKE) --jobs $(JOBS) --output-sync=target --no-print-directory $(SUITES)

# Two suites at a time, each on one thread, are through in little more than half the time.
$(SUITES): suite/%: $(VENV)/installed
	cd $* && OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q

lint: $(VENV)/installed
	$(BIN)/ruff check benchmarks tests tools $(DISTRIBUTIONS)
	$(BIN)/ruff format --check benchmarks tests tools $(DISTRIBUTIONS)

types: $(VENV)/installed
	for distribution in $(DISTRIBUTIONS); do \
		(cd $$distribution && $(BIN)/mypy --cache-dir $(CURDIR)/.mypy_cache) || exit; done

docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir site

benchmark: $(VENV)/installed
	$(BIN)/python benchmarks/plugins_startup.py
	$(BIN)/python benchmarks/conformance.py
	$(BIN)/python benchmarks/template.py
	$(BIN)/python benchmarks/model.py
	$(BIN)/python benchmarks/forecast.py

matrix: $(VENV)/installed
	$(BIN)/anemoi-meta-ci run
	$(BIN)/anemoi-meta-ci report
	cp .meta-ci/report/summary.md docs/compatibility.md
	$(BIN)/anemoi-meta-ci constraints main --output .meta-ci/known-good/main.txt

small-matrix: $(VENV)/installed
	$(BIN)/anemoi-meta-ci run --cell '*/no-torch/*' --cell 'main/*/highest/all' --cell '*/highest/checkpoints-of-*' --cell '*/highest/plugins-of-*'

# Torch comes first and stays pinned, so that pip takes its CPU build where there is one and nothing
# after it pulls in another. The build backend is installed once, not once for each distribution.
$(VENV)/installed: $(addsuffix /pyproject.toml,$(DISTRIBUTIONS)) docs/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet "$(TORCH)" "hatchling>=1.26" "editables>=0.5" -r docs/requirements.txt
	$(BIN)/python -m pip install --quiet --no-build-isolation "$(TORCH)" \
		$(foreach distribution,$(DISTRIBUTIONS),--editable "$(distribution)[test]") \
		--editable "plugins/anemoi-plugin-postprocessing[earthkit-geo]"
	touch $@

# The peer has an environment of its own, with our layers beside it.
PEER := benchmarks/peer/.venv
PEER_PIP := $(PEER)/bin/python -m pip install --quiet

parity: $(PEER)/installed
	$(PEER)/bin/python -W ignore benchmarks/peer/parity.py

layers: $(PEER)/installed
	$(PEER)/bin/python -W ignore benchmarks/layers.py

training: $(VENV)/installed
	$(BIN)/python benchmarks/training.py

$(PEER)/installed: $(wildcard benchmarks/peer/*.txt) $(addsuffix /pyproject.toml,$(DISTRIBUTIONS))
	$(PYTHON) -m venv $(PEER)
	$(PEER_PIP) "$(TORCH)"
	$(PEER_PIP) "$(TORCH)" -r benchmarks/peer/requirements.txt
	$(PEER_PIP) --no-deps -r benchmarks/peer/peer.txt
	$(PEER_PIP) "$(TORCH)" $(foreach distribution,$(DISTRIBUTIONS),--editable $(distribution))
	touch $@

clean:
	rm -rf $(VENV) $(PEER) benchmarks/peer/.venv-training quickstart earth earth-system regions ensembles downscaling site
