"""A zip is judged before it is unpacked."""

import random
import zipfile

import pytest

from dashboard.tests.zips import announcing_list, announcing_size, encrypted, packed, with_link
from dashboard.training.archives import MAX_FILES, ArchiveRefused, Member, open_archive

BODY = bytes(range(256)) * 20


def test_the_files_of_a_zip_are_returned_with_their_paths() -> None:
    """
    In their order; folders and what systems leave behind are no files.
    """
    files = {"data/normal/a.png": BODY, "data/b.png": b"", "__MACOSX/data/._b.png": b"x", "data/.DS_Store": b"x"}
    whole = packed({"data/": b"", **files})

    assert open_archive(whole) == [Member("data/normal/a.png", BODY), Member("data/b.png", b"")]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def test_the_usual_ways_of_packing_are_opened(method: int) -> None:
    """
    Those that every system knows.
    """
    assert open_archive(packed({"a/b.png": BODY}, method)) == [Member("a/b.png", BODY)]


@pytest.mark.parametrize(
    ("whole", "says"),
    [
        pytest.param(b"", "no zip", id="nothing"),
        pytest.param(BODY, "no zip", id="something else"),
        pytest.param(packed({"a/b.png": BODY})[:-30], "no zip", id="cut off"),
        pytest.param(packed({"../b.png": BODY}), "leads out of its folder", id="a way up"),
        pytest.param(packed({"a/../../b.png": BODY}), "leads out of its folder", id="a way up in the middle"),
        pytest.param(packed({"/etc/b.png": BODY}), "leads out of its folder", id="an absolute path"),
        pytest.param(packed({"C:/b.png": BODY}), "leads out of its folder", id="a drive"),
        pytest.param(packed({"a\\..\\b.png": BODY}), "leads out of its folder", id="backslashes"),
        pytest.param(with_link("a/b.png", "/etc/passwd"), "is a link", id="a link"),
        pytest.param(encrypted("a/b.png", BODY), "has a password", id="a password"),
        pytest.param(packed({"a/b.png": BODY}, zipfile.ZIP_LZMA), "unusual way", id="LZMA"),
        pytest.param(packed({"a/b.png": bytes(1_000_000)}), "100 times its size", id="a bomb"),
        pytest.param(packed({"a/b.png": bytes(11_000_000)}, zipfile.ZIP_STORED), "11 MB; the limit", id="a large file"),
        pytest.param(announcing_size(packed({"a/b.png": bytes(9_000_000)}), 10), "broken", id="more than announced"),
        pytest.param(announcing_size(packed({"a/b.png": BODY}), 0), "broken", id="something announced as nothing"),
        pytest.param(packed({f"a/{number}": b"" for number in range(MAX_FILES + 1)}), "5,001 entries", id="many"),
        pytest.param(announcing_list(packed({"a/b.png": BODY}), 3_000_000), "3,000,000 bytes", id="a long list"),
        pytest.param(announcing_list(packed({"a/b.png": BODY}), 2), "broken", id="a short list"),
    ],
)
def test_what_is_not_to_be_opened_is_refused_in_words(whole: bytes, says: str) -> None:
    """
    The message names what is wrong, and what to do.
    """
    with pytest.raises(ArchiveRefused, match=says):
        open_archive(whole)


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    """
    The sum of what is announced counts; each file alone would be let through.
    """
    body = random.Random(1).randbytes(200_000)
    whole = announcing_size(packed({f"a/{number}.png": body for number in range(21)}, zipfile.ZIP_STORED), 9_900_000)

    with pytest.raises(ArchiveRefused, match="unpacks to 208 MB; the limit is 200 MB"):
        open_archive(whole)


def test_whatever_is_changed_in_a_zip_it_is_opened_or_refused() -> None:
    """
    No other error comes out, wherever a byte is another one; the files that come out are whole.
    """
    whole = packed({"a/b.png": BODY, "c/d.png": BODY[:100]})
    chance = random.Random(8)
    opened = 0
    for _ in range(3000):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        try:
            bodies = {member.body for member in open_archive(bytes(changed))}
        except ArchiveRefused:
            continue
        opened += 1
        assert bodies <= {BODY, BODY[:100]}
    assert opened
