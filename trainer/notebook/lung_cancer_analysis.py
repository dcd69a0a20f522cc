# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lung CT classification: from a folder of images to a model that has been judged
#
# This notebook walks the whole way once: what a data set holds, what a network sees of an image, a training, an
# evaluation, a look at the mistakes, and what may be believed of all that. It is for people who know neither this
# code nor the data.
#
# The task: given one axial slice of a chest CT as a PNG or JPEG, say which of four classes it belongs to:
# **adenocarcinoma**, **large cell carcinoma**, **squamous cell carcinoma** (three kinds of lung cancer), or
# **normal**.
#
# > **This is not a medical device.** Nothing here has been validated for diagnosis, and it must not be used for it.
#
# **What the outputs below were made with.** The project ships no patient's image. Unless you name a data set, the
# notebook draws *phantoms*: synthetic pictures that look a little like a chest CT, in which the differences between
# the classes were invented for a network to find. So the figures that you see in the committed notebook show that the
# machinery works, and say nothing about anybody's lungs. To see the same pages about real images:
#
#     PULMO_NOTEBOOK_DATA=data make notebook        # writes var/notebook/lung_cancer_analysis.ipynb
#
# or open the notebook in Jupyter and edit the next cell; then do not commit it, since its outputs show patients'
# images.
#
# All work is done by the functions of the `trainer` package, the very ones that its command line calls. The cells
# choose, call and show. Where you read `trainer data check` or the like, that is the command for the same step.

# %% [markdown]
# ## Parameters
#
# Each can be set by an environment variable of the same name after `PULMO_NOTEBOOK_`.

# %% tags=["parameters"]
import os

DATA = os.environ.get("PULMO_NOTEBOOK_DATA", "")  # a folder with train/, valid/ and test/; empty draws phantoms
SPLIT = os.environ.get("PULMO_NOTEBOOK_SPLIT", "test")  # what the finished model is evaluated on
ARCHITECTURE = os.environ.get("PULMO_NOTEBOOK_ARCHITECTURE", "compact")  # or: reference, transfer...
EPOCHS = int(os.environ.get("PULMO_NOTEBOOK_EPOCHS", "10"))  # passes over the training images, at most
SEED = int(os.environ.get("PULMO_NOTEBOOK_SEED", "0"))  # of the phantoms, of the first weights, and of all chance

# %%
from trainer.commands.tensorflow import import_tensorflow

import_tensorflow()  # quietly

# %%
import shutil
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import msgspec
import numpy as np
from IPython.display import Image as Png
from IPython.display import display
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from gateway.imaging import ImageSpec, decode
from trainer.config import MAX_PIXELS, Architecture
from trainer.data.audit import audit
from trainer.data.dataset import Split, SplitName, find_labels
from trainer.data.phantoms import write_phantoms
from trainer.data.survey import survey
from trainer.evaluation.evaluate import examine, of_run
from trainer.networks.registry import image_spec
from trainer.reporting import audit_files, audit_lines, progress
from trainer.reporting.console import say, show_evaluation, show_scores
from trainer.reporting.html_report import draw
from trainer.reporting.overlay import overlay
from trainer.settings import read_config
from trainer.training.input import Batches
from trainer.training.train import train

console = Console(force_jupyter=False, force_terminal=True, color_system=None, width=110)


def show_arrays(images: Iterable[NDArray[np.uint8]]) -> None:
    """Show images of one size, uint8 `[H, W, C]` each, side by side."""
    file = BytesIO()
    Image.fromarray(np.hstack(list(images)).squeeze()).save(file, format="PNG")
    display(Png(file.getvalue()))


# %% [markdown]
# Everything is written into a temporary folder, which goes when the kernel ends.
#
# Phantoms are flawless data, and no real data set is. So three flaws are planted among them, of the kinds that the
# public set has: four training images are copied into the test split, one training image is stored in a second class
# too, and one file is cut off in the middle. The next section should find all of them.

# %%
split: SplitName = msgspec.convert(SPLIT, SplitName)
architecture: Architecture = msgspec.convert(ARCHITECTURE, Architecture)
root = Path(DATA).resolve()
workspace = TemporaryDirectory(prefix="pulmo-notebook-")
os.chdir(workspace.name)

if not DATA:
    root = Path("phantoms")
    drawn = write_phantoms(root, 40, SEED)
    for number in (3, 11, 19, 27):
        shutil.copy(root / f"train/normal/{number:04d}.png", root / f"test/normal/copy-{number:04d}.png")
    shutil.copy(root / "train/adenocarcinoma/0005.png", root / "train/squamous.cell.carcinoma/copy-0005.png")
    whole = (root / "train/large.cell.carcinoma/0001.png").read_bytes()
    (root / "train/large.cell.carcinoma/broken.png").write_bytes(whole[:5000])
    say(console, f"{drawn} phantoms were drawn; no patient's image is in this notebook")

# %% [markdown]
# ## 1. What the data set holds
#
# A data set is a folder of folders: `train/<class>/<image>` is what the network learns from, `valid/<class>/<image>`
# is what decides when training stops, and `test/<class>/<image>` is kept for the question how good the result is.
# `survey` reads every file once. `audit` judges what it found. Together they are `trainer data check`.

# %%
found = survey(root)
judged = audit(found)
audit_lines.show(console, judged)

# %% [markdown]
# How to read it, from the top:
#
# - **Warnings come first.** *Leakage* is the one that matters most: images of a split that have a *twin* in `train`.
#   A twin is a copy, byte for byte or to the eye (resized, saved again, scribbled upon). A model may answer a twin
#   from memory, so figures on it say nothing about images that are new.
# - **The counts** show how the classes are balanced. A class with few images in `valid` or `test` has figures that
#   jump by several points when a single answer changes.
# - **Sizes and modes.** Images differ in size, and come grey (`L`), in colour (`RGB`) or with transparency (`RGBA`),
#   although a CT slice has one grey channel. If sizes or modes go together with the class, a network can learn them
#   instead of the lung.
# - **Files that cannot be read** are skipped, in training and in evaluation alike.
#
# Next, the same counts as a chart.

# %%
audit_files.write(Path("audit"), found, judged)
display(Png("audit/classes.png"))

# %% [markdown]
# One group of bars for each class, one colour for each split. What you want to see: no class much smaller than the
# others, and the same proportions in all splits. Where `train` is unbalanced, training weighs each image by the
# rarity of its class.
#
# Then a look at the images themselves, a row for each class, at even steps through its files.

# %%
display(Png("audit/contact_sheet.png"))

# %% [markdown]
# Under each image stand its split and the beginning of its name. Look for what a network could use *instead* of the
# disease: black borders in one class only, letters that a scanner burnt in, a crop or a brightness that goes with the
# class, rows of nearly equal pictures, which are neighbouring slices of one patient.

# %% [markdown]
# ## 2. What a network sees of an image
#
# Files are decoded in one place, `gateway.imaging`, for training and for serving: what a model was trained on and
# what it is asked about later are the same array. Decoding does this and nothing else:
#
# 1. it checks the file's structure, so that what is cut off or is no image never reaches a decoder;
# 2. it lays transparent pixels over black, expands palettes, and keeps the high byte of 16-bit samples;
# 3. it makes grey of colour, or colour of grey, as the network wants it;
# 4. it resizes to the network's height and width, with antialiasing; the proportions are not kept.
#
# Here is the first image of the first class at its own size.

# %%
labels = find_labels(root)
spec = image_spec(architecture, None)
examples = [next(picture for picture in found.of("train") if picture.label == label) for label in labels]
first, size = examples[0], examples[0].header
say(console, f"{first.label}: {first.mode}, {size.width} x {size.height} pixels")
show_arrays([decode(first.path.read_bytes(), ImageSpec("L", size.height, size.width, spec.resample), MAX_PIXELS)])

# %% [markdown]
# And as the network gets it, on the left, followed by the first image of each other class.

# %%
rows = [decode(picture.path.read_bytes(), spec, MAX_PIXELS) for picture in examples]
say(console, f"{architecture} takes {rows[0].dtype} arrays of shape {rows[0].shape} (height, width, channels)")
show_arrays(rows)

# %% [markdown]
# This is all that the network ever knows. Ask yourself whether *you* could still see a lesion of a few millimetres at
# this size. Grey levels stay whole numbers from 0 to 255: the network brings them to 0 to 1 inside, so that nobody
# who serves it can forget to.
#
# **Augmentation.** During training each image is changed a little at random each time it is used: here in the ways
# that the configuration below asks for. That tells the network that such a change is not what makes a class, and a
# small data set lasts longer. Below is that first image in eight guises.

# %%
config = read_config(
    None, {"data": str(root), "architecture": architecture, "epochs": EPOCHS, "seed": SEED}, ["augmentation.rotation=5"]
)
say(console, f"augmentation: {msgspec.to_builtins(config.augmentation)}")
keras.utils.set_random_seed(SEED)
one_image = Split(np.stack(rows[:1] * 8), np.zeros(8, np.int64), (examples[0].path,) * 8, ())
guises, _ = next(iter(Batches(one_image, spec, config, len(labels)).dataset()))
show_arrays(guises.numpy())

# %% [markdown]
# A good augmentation makes pictures that could have been taken. What comes in from outside the picture is black, as
# air is. If a guise looked like no CT at all, or if it hid the lesion, the setting would be too strong.

# %% [markdown]
# ## 3. Training
#
# `train` (as a command: `trainer train`) does the following: it decodes `train` and `valid`, fits the network, and
# after each epoch (one pass over the training images) measures the loss on the validation split. It keeps the weights
# of the epoch where that loss was lowest, and stops early when it falls no more. In the end it *calibrates* the
# network: it divides the logits by one number, the temperature, so that answers of 80 % are right in about 80 % of
# the cases. The same configuration, data and machine give the same weights again.
#
# The lines below come while it trains. *Loss* is the cross-entropy: 0 for a network that is always right and sure of
# it, 1.39 for one that gives each of four classes 25 %. *Accuracy* is the share of right answers.

# %%
trained = train(config, Path("run"), progress.Lines(console))

# %% [markdown]
# Next, the history of the training: the loss on the left, the accuracy on the right, each for the training images
# (augmented) and for the validation images. The dotted line is the epoch whose weights were kept.

# %%
run = of_run(Path("run"))
examined = examine(run, root, split)
figures = draw(examined)
display(Png(figures["training_history.png"]))

# %% [markdown]
# How to read it: both curves should fall on the left and rise on the right. Training that goes on falling while
# validation rises again is *overfitting*: the network learns its training images by heart. Two flat curves mean that
# it learns nothing. A validation curve that jumps up and down has few images behind it. A line that still falls at
# the right edge asks for more epochs.
#
# Training images are harder than validation images: they are augmented, and meanwhile the network works with *dropout*,
# a random part of it switched off. So the orange curve may well be the worse one.
#
# The scores on the validation split follow. Numbered columns count the images that were answered as the class of that
# number. *Precision*: of the images that were called this class, how many are. *Recall*: of the images of this class,
# how many were called so. *F1* is the harmonic mean of both.

# %%
if trained.run.scores is not None:
    show_scores(console, trained.run.scores, "validation")

# %% [markdown]
# **These scores flatter.** The validation split chose the epoch and the temperature, so the model was, in part, made
# to look good on it. What counts is the next section.

# %% [markdown]
# ## 4. How good is it?
#
# Unless `SPLIT` was set to another than `test`, the images in this section had no say in training. `examine` (as a
# command: `trainer evaluate`) asked the model about each of them, and measured the following twice: on all images, and
# again **without those that have a twin in `train`**.

# %%
show_evaluation(console, examined.evaluation)

# %% [markdown]
# How to read it:
#
# - **The interval** after each figure says how far it could move if other images of the same kind had been collected
#   (95 %, from 1000 bootstrap resamples within each class). With few images it is wide, and two models whose
#   intervals overlap widely have not been told apart. A flawless figure has an interval without width; that tells
#   nothing.
# - **Macro F1** is the mean of the classes' F1, each class with the same weight. It is what decides here whether a
#   model may replace another, since accuracy would forgive giving up on a small class.
# - **Sensitivity and specificity for cancer**: the share of cancer images that were answered as *some* cancer, of the
#   right kind or not, and the share of normal images that were answered as normal.
# - **Without the twins** is the part to quote. Where it is clearly lower than the part on all images, the difference
#   was memory.
#
# Next, which classes are taken for which.

# %%
display(Png(figures["confusion_matrix.png"]))

# %% [markdown]
# Each row is a true class, each column an answer; the diagonal is right. The percentages are shares of the row. The
# worst place for a number is the column *normal* in the row of a cancer: a cancer that was missed. Two cancers that
# are mixed up with one another lie in each other's columns.
#
# Next, how well each class could be told from the rest if another threshold were chosen than "the highest
# probability".

# %%
display(Png(figures["roc.png"]))

# %% [markdown]
# A curve that runs up the left edge and along the top is perfect (area 1); the dotted diagonal is guessing (area
# 0.5). The area is the chance that an image of the class gets a higher probability for it than some other image does.
# Curves in large steps have few images behind them.
#
# Last, whether the probabilities mean what they say.

# %%
display(Png(figures["reliability.png"]))

# %% [markdown]
# The answers are sorted into bins by the probability of the class that was answered. On the dotted diagonal, answers
# of 70 % are right in 70 % of the cases. Points below it: the model is surer than it should be. Points above it: less
# sure than it could be. The orange line is the network as it was trained, the blue one after calibration, as it would
# be served. The bars show how many answers a point stands for: a point over a low bar is mostly chance.

# %% [markdown]
# ## 5. Where it is wrong
#
# Figures hide the mistakes; so look at them. These are the wrong answers that the model was most sure of, from left
# to right, as it saw the images.

# %%
answers = examined.answers
worst = answers.worst(6).tolist()
for row in worst:
    probabilities, target = answers.probabilities[row], answers.targets[row]
    said = probabilities.argmax()
    say(
        console,
        f"{examined.read.paths[row].name}: said {labels[said]} ({probabilities[said]:.0%}), "
        f"in truth {labels[target]} ({probabilities[target]:.0%})",
    )
if worst:
    show_arrays(examined.read.images[worst])
else:
    say(console, "there is no wrong answer")

# %% [markdown]
# And where did it look? A heat map (Grad-CAM) over the same images: the lighter and yellower, the more that place spoke
# for the answer that was given. An image without colour has no such place.

# %%
if worst and examined.subject.explain is not None:
    wrong = examined.read.images[worst]
    show_arrays(overlay(image, heat) for image, heat in zip(wrong, examined.subject.explain(wrong), strict=True))

# %% [markdown]
# A heat map shows what an answer rests on, not where a disease is. One that lies on a border, on the table or outside
# the body says that the model found something that goes along with the class.
#
# Ask of each: would I have known? Is the label right? Do the mistakes have something in common that is not the
# disease, such as a border, a crop, a brightness? A model that is wrong *and* sure is worse than one that is wrong
# and says so; that is why the order is by confidence.

# %% [markdown]
# ## 6. What to believe
#
# - **On phantoms: nothing about lungs.** Whoever drew the lesions decided how easy they are.
# - **Copies.** In the public data set ("Chest CT-Scan images", see `data/README.md`) files occur more than once, also
#   in two splits, and one image stands in two classes. Quote the figures without twins.
# - **Neighbouring slices.** A CT has many slices, and neighbours look alike. Where slices of one patient are in
#   `train` and in `test`, the model recognises the patient rather than the disease. The comparison for twins finds
#   copies, not neighbours, and the public set names no patients. So even the figures without twins are too high, by
#   an unknown amount, and the intervals, which count images as independent, are too narrow.
# - **Validation flatters.** It chose the epoch and the temperature. So does a test split as soon as you choose
#   between models by it: look at it once.
# - **One training is one draw.** Another seed gives another model, and on small splits its figures differ by several
#   points. Train with several before you believe in a difference.
# - **Where the data comes from.** One collection, scanners and hospitals unknown, images already chosen, cropped and
#   converted by somebody. What was learnt may be the collection. Images from elsewhere are the only test of that.
# - **A slice is not a patient**, and four classes are not the world: the model answers one of its classes about any
#   image, a photograph of a cat included.
#
# **This is not a medical device**, however good the figures look.
#
# ### Where to go from here
#
#     trainer data check data --out var/data-check             # section 1 as files
#     trainer train --data data --publish var/models/lung      # section 3, and into service
#     trainer evaluate --data data --store var/models/lung --report var/report     # sections 4 and 5 as one page
#     trainer compare 1 2 --store var/models/lung --data data  # are two versions different, or is it chance?
