"""Forms that are broken in every way that a mutation finds, posted to a real gateway: never a 5xx, never a hang."""

from collections.abc import Callable, Sequence

import httpx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.errors import documented
from tests.gateways import Gateway
from tests.images import jpeg, pixels, png

GOOD = png(pixels(1, 8))
TYPES = {f"/problems/{name}" for name in documented()}
FORMS = 250
PATIENCE_S = 30  # a form of some kilobytes is answered within milliseconds, however busy the machine is within this

Part = tuple[Sequence[bytes], bytes]
Mutation = Callable[[bytes], bytes]

boundaries = st.sampled_from([b"x", b"----WebKitFormBoundary7MA4YWxkTrZu0gW", b"x" * 70, b"x" * 2000, b"--", b"a (b)"])
names = st.sampled_from(
    [b'"file"', b'"files"', b"file", b"files", b'"other"', b'""', b'"fi\\"le"', b'"file', b"'files'"]
)
FILENAMES = [
    b"",
    b'; filename="a.png"',
    b'; filename=""',
    b'; filename="' + "ü".encode("latin-1") + b'.png"',
    b'; filename="\xff\xfe\x00.png"',
    b"; filename*=UTF-8''%FF%E2%82.png",
    b"; filename*=no-such-charset''a.png",
    b'; filename="' + b"a" * 5000 + b'"',
    b'; filename="C:\\dir\\a.png"; filename="../../etc/passwd"',
    b'; filename="a%0D%0AX: y"',
    b"; filename=" + b"\\" * 500,
]
filenames = st.sampled_from(FILENAMES)
dispositions = st.one_of(
    st.builds(lambda name, filename: b"Content-Disposition: form-data; name=" + name + filename, names, filenames),
    st.sampled_from([b"Content-Disposition: attachment", b"Content-Disposition:", b"Content-Disposition form-data"]),
)
headers = st.sampled_from(
    [
        b"Content-Type: image/png",
        b"Content-Type: text/plain; charset=no-such-charset",
        b"Content-Type: text/plain; charset=utf-16",
        b"Content-Type: multipart/mixed; boundary=inner",
        b"Content-Type: multipart/form-data; boundary=x",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: -1",
        b"Content-Transfer-Encoding: base64",
        b"X-Huge: " + b"y" * 5000,
        b"X" * 5000,
        b" folded: header",
        b"\xff\xfe: \x00",
        b": no name",
        b"no colon",
    ]
)
contents = st.one_of(
    st.just(GOOD),
    st.just(jpeg(pixels(2, 8))),
    st.just(b""),
    st.binary(max_size=60),
    st.just(b"--inner\r\nContent-Disposition: file; filename=a\r\n\r\n" + GOOD + b"\r\n--inner--\r\n"),
    st.just(b"\r\n--x"),
    st.just(b"--x--\r\n" * 20),
)
usual = st.tuples(
    st.builds(
        lambda name, filename: [b"Content-Disposition: form-data; name=" + name + filename],
        st.sampled_from([b'"file"', b'"files"']),
        st.sampled_from([name for name in FILENAMES if name.isascii() and len(name) < 1000]),
    ),
    st.just(GOOD),
)
odd = st.tuples(
    st.one_of(
        st.lists(dispositions, min_size=1, max_size=1),
        st.tuples(dispositions, headers).map(list),
        st.lists(headers | dispositions, max_size=12),
    ),
    contents,
)


def rendered(boundary: bytes, segments: Sequence[Part], end: bytes) -> bytes:
    """Return the form that RFC 7578 has for these parts."""
    heads = [b"".join(line + b"\r\n" for line in lines) for lines, _ in segments]
    bodies = [content for _, content in segments]
    pieces = [
        b"--" + boundary + b"\r\n" + head + b"\r\n" + body + b"\r\n" for head, body in zip(heads, bodies, strict=True)
    ]
    return b"".join([*pieces, b"--" + boundary + end])


ends = st.sampled_from([b"--\r\n", b"--\r\n", b"--\r\n", b"--", b"", b"\r\n", b"--\r\nepilogue", b"-"])
places = st.integers(0, 2**16)


def cut(place: int) -> Mutation:
    return lambda body: body[: place % (len(body) + 1)]


def without_begin(place: int) -> Mutation:
    return lambda body: body[place % (len(body) + 1) :]


def overwritten(place: int, byte: int) -> Mutation:
    def mutate(body: bytes) -> bytes:
        at = place % (len(body) + 1)
        return body[:at] + bytes([byte]) + body[at + 1 :]

    return mutate


def inserted(place: int, extra: bytes) -> Mutation:
    def mutate(body: bytes) -> bytes:
        at = place % (len(body) + 1)
        return body[:at] + extra + body[at:]

    return mutate


def repeated(place: int, length: int, times: int) -> Mutation:
    def mutate(body: bytes) -> bytes:
        at = place % (len(body) + 1)
        return body[:at] + body[at : at + length] * times + body[at + length :]

    return mutate


def replaced(old: bytes, new: bytes) -> Mutation:
    return lambda body: body.replace(old, new)


mutations: st.SearchStrategy[list[Mutation]] = st.just([]) | st.lists(
    st.one_of(
        st.builds(cut, places),
        st.builds(without_begin, places),
        st.builds(overwritten, places, st.integers(0, 255)),
        st.builds(inserted, places, st.binary(max_size=8) | st.sampled_from([b"\r\n", b"\n", b"\r", b"--x", b"\0"])),
        st.builds(repeated, places, st.integers(0, 200), st.integers(0, 30)),
        st.builds(replaced, st.sampled_from([b"\r\n", b"--", b":", b'"']), st.sampled_from([b"\n", b"\r", b"", b"::"])),
    ),
    max_size=2,
)


def mutated(body: bytes, changes: Sequence[Mutation]) -> bytes:
    for change in changes:
        body = change(body)
    return body


def kinds(boundary: bytes) -> st.SearchStrategy[bytes]:
    """Return what the whole body is announced as."""
    plain = b"multipart/form-data; boundary=" + (b'"' + boundary + b'"' if b" " in boundary else boundary)
    return st.sampled_from(
        [
            *[plain] * 20,
            b'multipart/form-data; boundary="' + boundary + b'"',
            b"Multipart/Form-Data;charset=no-such-charset; BOUNDARY=" + boundary,
            plain + b"; boundary=y",
            b"multipart/form-data",
            b"multipart/form-data; boundary=",
            b'multipart/form-data; boundary="',
            b"multipart/form-data; boundary=\xff\xfe",
            b"multipart/mixed; boundary=" + boundary,
            b"multipart/form-data; boundary=" + b";" * 2000,
        ]
    )


forms = boundaries.flatmap(
    lambda boundary: st.tuples(
        kinds(boundary),
        st.builds(
            mutated, st.builds(rendered, st.just(boundary), st.lists(usual | usual | odd, max_size=4), ends), mutations
        ),
    )
)


def post(client: httpx.Client, path: str, kind: bytes, body: bytes) -> httpx.Response:
    """Post a form, and check what holds for every answer."""
    reply = client.post(path, content=body, headers=[(b"Content-Type", kind)])
    assert reply.status_code == 200 or 400 <= reply.status_code < 500, reply.text
    if reply.status_code != 200:
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["type"] in TYPES
        assert reply.json()["detail"]
        assert "Error(" not in reply.json()["detail"]  # what Python says is for the log
    return reply


@settings(max_examples=FORMS, deadline=None)
@given(forms)
@example((b"multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 3000))
@example((b"multipart/form-data; boundary=x", b"--x\r\n" * 20_000))
@example((b"multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n" * 20_000 + b"--x--"))
@example((b"multipart/form-data; boundary=x", b"\r\n--" * 100_000))
@example((b"multipart/form-data; boundary=x", b"\r" * 300_000))
def test_whatever_a_form_is_like_it_is_answered_or_a_problem(gateway: Gateway, form: tuple[bytes, bytes]) -> None:
    """As one image and as a batch; an answer to a batch has as many entries as files were found, each whole."""
    with httpx.Client(base_url=gateway.url, timeout=PATIENCE_S) as client:
        single, batch = post(client, "/predict", *form), post(client, "/predict-batch", *form)

        if single.status_code == 200:
            assert single.json()["prediction"]
        if batch.status_code == 200:
            entries = batch.json()["predictions"]
            assert entries
            assert all(("prediction" in entry) != ("error" in entry) for entry in entries)
            assert all(entry["error"]["type"] in TYPES for entry in entries if "error" in entry)


def test_the_gateway_is_as_well_as_before(gateway: Gateway) -> None:
    """Nothing of the forms before is left: no place is taken, nothing was logged as a bug, and the next is answered."""
    assert httpx.post(f"{gateway.url}/predict", files={"file": GOOD}).status_code == 200
    assert gateway.total("gateway_rejected_total", reason="internal-server-error") == 0
    assert gateway.total("gateway_inflight_requests") == 1
