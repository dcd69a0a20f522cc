"""The load generator against a real server that answers as each test has it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import islice

import pytest

from loadtests.closedloop import post_in_turn
from loadtests.connection import Address, Connection, ConnectionLost, build_requests
from loadtests.images import Image
from loadtests.openloop import lasting, poisson, post_on_schedule, steady
from loadtests.samples import NO_REPLY, UNSENT

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSAL = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Address, list[int]]]:
    """A server that has `answer` called for each request until it fails; the list counts them by connection."""
    counts: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = len(counts)
        counts.append(0)
        try:
            while not reader.at_eof() and not writer.is_closing():
                await answer(reader, writer)
                counts[place] += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield Address(host, port, "/predict"), counts


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Return the body of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
    return await reader.readexactly(length)


def replying(*replies: bytes) -> Answer:
    """Read a request, then send the next of the replies, from the first again after the last."""
    turn = iter(range(10**9))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(replies[next(turn) % len(replies)])

    return answer


def request(address: Address, size: int = 1000) -> bytes:
    return build_requests(address, [Image("a.png", "image/png", bytes(size))])[0]


async def test_a_request_is_a_form_with_the_image_in_field_file() -> None:
    """
    What is built in advance is a whole POST: the form has the image's bytes, its name and its type.
    """
    bodies: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await read_request(reader))
        writer.write(OK)

    async with serving(answer) as (address, _):
        connection = await Connection.open(address)
        await connection.exchange(build_requests(address, [Image('a "b".png', "image/png", b"pixels")])[0])
        connection.close()

    head, _, rest = bodies[0].partition(b"\r\n\r\n")
    assert b'name="file"; filename="a _b_.png"\r\nContent-Type: image/png' in head
    assert rest.startswith(b"pixels\r\n--")


async def test_one_connection_carries_one_request_after_the_other() -> None:
    """
    Connections are kept alive: a closed loop of three opens three, whatever number of requests it posts.
    """
    async with serving(replying(OK)) as (address, counts):
        window = await post_in_turn(address, [request(address)], 3, seconds=0.2, warm_up=0.05, look=lambda: len(counts))

    assert (window.before, window.after, len(counts)) == (3, 3, 3)
    assert len(window.samples) > 10
    assert {sample.status for sample in window.samples} == {200}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{}\n\r\n1\r\n \r\n0\r\nT: 1\r\n\r\n",
            id="chunks, with an extension and a trailer",
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{}\n ", id="100 first"),
    ],
)
async def test_a_reply_is_read_whole_however_it_is_cut(reply: bytes) -> None:
    """
    A reply in chunks, or after an interim one, arrives byte by byte, and the next one on the connection is read too.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in reply:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(answer) as (address, counts):
        connection = await Connection.open(address)
        replies = [await connection.exchange(request(address)) for _ in range(2)]
        connection.close()

    assert [(got.status, got.body) for got in replies] == [(200, b"{}\n ")] * 2
    assert len(counts) == 1


async def test_a_reply_without_a_length_ends_with_its_connection() -> None:
    """
    RFC 9112, section 6.3: where neither a length nor chunks are announced, the body ends where the server closes.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        writer.close()

    async with serving(answer) as (address, _):
        connection = await Connection.open(address)
        reply = await connection.exchange(request(address))

    assert (reply.body, reply.keeps, connection.is_open) == (b"{}", False, False)


async def test_an_answer_that_comes_while_the_body_is_sent_ends_the_sending() -> None:
    """
    A refusal before the body was read is a sample with its status, the rest of the body is not sent, and the next
    request goes over a new connection.
    """
    sent: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(REFUSAL)
        await writer.drain()
        transport = writer.transport
        transport.pause_reading()  # type: ignore[attr-defined] # nothing more is read until the client has gone
        await asyncio.sleep(0.05)
        transport.resume_reading()  # type: ignore[attr-defined]
        sent.append(len(await reader.read(-1)))

    size = 64 << 20
    async with serving(answer) as (address, counts):
        posted = request(address, size)
        async with asyncio.timeout(20):
            samples = await post_on_schedule(address, [posted], islice(steady(20), 3))

    assert [sample.status for sample in samples] == [429] * 3
    assert len(counts) == 3
    assert all(length < size for length in sent)


async def test_a_latency_counts_from_when_the_request_was_due() -> None:
    """
    A server that stands still for a while is seen by every request that was due in that time, not by one alone.
    """
    goes_on = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await goes_on.wait()
        writer.write(OK)

    async with serving(answer) as (address, _):
        posting = asyncio.create_task(post_on_schedule(address, [request(address)], islice(steady(100), 21)))
        await asyncio.sleep(0.25)
        released = time.monotonic()
        goes_on.set()
        samples = await posting

    dues = [sample.due for sample in samples]
    assert [round(due - dues[0], 6) for due in dues] == [round(number / 100, 6) for number in range(21)]
    assert all(sample.due + sample.latency_s >= released for sample in samples)
    assert samples[0].latency_s > 0.2


async def test_what_cannot_be_sent_within_the_bound_is_counted() -> None:
    """
    With all connections busy a request is not sent, and says so; those under way are answered.
    """
    goes_on = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await goes_on.wait()
        writer.write(OK)

    async with serving(answer) as (address, counts):
        stop = asyncio.Event()
        load = post_on_schedule(address, [request(address)], islice(steady(200), 10), connections=4, stop=stop)
        posting = asyncio.create_task(load)
        asyncio.get_running_loop().call_later(0.15, goes_on.set)
        samples = await posting

    assert [sample.status for sample in samples] == [200] * 4 + [UNSENT] * 6
    assert len(counts) == 4


async def test_a_connection_that_the_server_closed_meanwhile_costs_no_sample() -> None:
    """
    A kept connection that turns out to be closed is replaced, as RFC 9112 (9.3.1) has it; a fresh one that breaks is
    no reply.
    """
    served: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        served.append(1)
        if len(served) == 2 or len(served) >= 5:  # the second over the first connection: closed in its face
            writer.transport.abort()
        else:
            writer.write(OK)

    async with serving(answer) as (address, _):
        samples = await post_on_schedule(address, [request(address)], islice(steady(20), 5))

    assert [sample.status for sample in samples] == [200, 200, 200, NO_REPLY, NO_REPLY]


async def test_nobody_listening_is_no_reply() -> None:
    """
    An address where nobody listens gives samples without a reply, with the reason, in both loops.
    """
    async with serving(replying(OK)) as (address, _):
        pass

    samples = await post_on_schedule(address, [b""], islice(steady(100), 2))
    window = await post_in_turn(address, [b""], 1, seconds=0.2, warm_up=0, look=time.monotonic)

    assert {sample.status for sample in [*samples, *window.samples]} == {NO_REPLY}
    assert b"Connect" in samples[0].body or b"refused" in samples[0].body
    assert window.rate == 0


async def test_what_is_no_http_is_said() -> None:
    """
    A server that speaks something else breaks the exchange, and its words are quoted.
    """
    async with serving(replying(b"SSH-2.0-x\r\n\r\n")) as (address, _):
        connection = await Connection.open(address)
        with pytest.raises(ConnectionLost, match="SSH-2"):
            await connection.exchange(request(address))

    assert not connection.is_open


def test_a_seed_gives_the_same_arrivals_at_the_wanted_rate() -> None:
    """
    Poisson arrivals are the same for the same seed, others for another, and as many as asked for on average.
    """
    first, again, other = (list(lasting(100, poisson(50, seed))) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert 4700 < len(first) < 5300
    assert all(0 < due < 100 for due in first)


@pytest.mark.parametrize("url", ["https://127.0.0.1/predict", "127.0.0.1:8000/predict"])
def test_a_url_that_cannot_be_posted_to_is_named(url: str) -> None:
    """
    Only http is spoken; anything else is refused with what to write.
    """
    with pytest.raises(ValueError, match="write http://HOST:PORT/PATH"):
        Address.parse(url)


async def test_a_client_that_was_refused_comes_again_when_it_is_told_to() -> None:
    """
    `Retry-After: 1` keeps a client of the closed loop away for its second, so refusals make no storm.
    """
    async with serving(replying(REFUSAL)) as (address, counts):
        window = await post_in_turn(address, [request(address)], 5, seconds=0.1, warm_up=0.3, look=lambda: sum(counts))

    assert window.before == 5
    assert (len(window.samples), window.rate) == (0, 0)
