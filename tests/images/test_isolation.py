"""Processes that decode: they may die, hang or run out of memory, and nobody notices but the asker."""

import errno
import io
import os
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL.Image
import pytest
import pyvips

from cimaise.errors import ClientGone, Invalid, TypeNotAllowed, Unavailable
from cimaise.images.decoders.base import Cut, ImageHeader
from cimaise.images.guarded_codec import GuardedCodec
from cimaise.images.isolation import messages as m
from cimaise.images.isolation.process import Broken, Process
from cimaise.images.isolation.processes import Processes
from cimaise.images.libvips import prepare_libvips
from cimaise.images.stopping import Stop
from tests.kit.pictures import make, pixel, quadrants

MB = 1024 * 1024
TIFF = bytes(quadrants(64, 48).write_to_buffer(".tif"))
WHOLE = Cut((0, 0, 64, 48), (64, 48))


@pytest.fixture
def processes():
    made = Processes(at_most=1, max_bytes=512 * MB)
    yield made
    made.close()


@pytest.fixture
def codec(processes):
    return GuardedCodec(processes, max_s=20, max_bytes=512 * MB)


def pid_of(processes) -> int:
    (process,) = processes._all
    return process.pid


def decode(codec, stop=None):
    return codec.decode(TIFF, codec.read_header(TIFF), WHOLE, stop or Stop())


def test_pixels_come_over_as_they_are(codec):
    (image,) = decode(codec).images
    assert (image.width, image.height, image.bands) == (64, 48, 3)
    assert (image - quadrants(64, 48)).abs().max() == 0


def test_files_are_handed_over_open_so_that_no_path_has_to_be_readable(codec, tmp_path):
    (tmp_path / "a.tif").write_bytes(TIFF)
    assert codec.read_header(tmp_path / "a.tif") == codec.read_header(TIFF)


def test_a_file_that_cannot_be_opened_is_no_fault_of_the_picture_nor_of_the_process(
    codec, processes, tmp_path, monkeypatch
):
    file = tmp_path / "a.tif"
    file.write_bytes(TIFF)
    decode(codec)
    first = pid_of(processes)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "open", no_more_files)
        with pytest.raises(Unavailable):
            processes.ask(m.ReadHeader(None), file, max_s=20)
    assert decode(codec).images
    assert pid_of(processes) == first


def no_more_files(*_):
    raise OSError(errno.EMFILE, "Too many open files")


def test_a_process_that_is_killed_is_replaced(codec, processes):
    decode(codec)
    first = pid_of(processes)
    os.kill(first, signal.SIGKILL)
    assert decode(codec).images  # the picture was not at fault: another process does it
    assert pid_of(processes) != first


def test_a_picture_whose_processes_are_killed_again_and_again_is_asked_for_later(monkeypatch):
    processes = Processes(at_most=1, max_bytes=512 * MB)
    monkeypatch.setattr(Process, "wait_until_ready", Process.kill)
    with pytest.raises(Unavailable) as refusal:
        processes.ask(m.ReadHeader(len(TIFF)), TIFF, max_s=20)
    assert refusal.value.code == "busy"
    processes.close()


def test_a_process_that_dies_by_itself_has_been_broken_by_the_picture(codec, processes):
    decode(codec)
    os.kill(pid_of(processes), signal.SIGSEGV)
    with pytest.raises(TypeNotAllowed):
        decode(codec)
    assert decode(codec).images


def test_one_that_hangs_is_killed_after_its_time(codec, processes):
    decode(codec)
    hanging = pid_of(processes)
    os.kill(hanging, signal.SIGSTOP)
    header = codec.read_header  # would hang as well
    hasty = GuardedCodec(processes, max_s=0.3, max_bytes=512 * MB)
    with pytest.raises(Invalid) as refusal:
        hasty.decode(TIFF, ImageHeader(64, 48, "tiff", "image/tiff"), WHOLE, Stop())
    assert refusal.value.code == "too_complex"
    assert header(TIFF).width == 64
    assert pid_of(processes) != hanging


def test_one_that_nobody_waits_for_any_more_is_killed(codec, processes):
    decode(codec)
    hanging = pid_of(processes)
    os.kill(hanging, signal.SIGSTOP)
    stop = Stop()
    threading.Timer(0.2, stop.ask).start()
    with pytest.raises(ClientGone):
        codec.decode(TIFF, ImageHeader(64, 48, "tiff", "image/tiff"), WHOLE, stop)
    assert decode(codec).images


@pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux only")
def test_more_memory_than_allowed_ends_in_a_refusal_and_the_process_lives_on():
    processes = Processes(at_most=1, max_bytes=128 * MB)
    codec = GuardedCodec(processes, max_s=20, max_bytes=4096 * MB)
    side = 9000
    header = ImageHeader(side, side, "tiff", "image/tiff")
    flat = pyvips.Image.black(side, side, bands=3).cast("uchar").copy(interpretation="srgb")
    big = bytes(flat.tiffsave_buffer(compression="deflate"))
    with pytest.raises((Invalid, TypeNotAllowed)):
        codec.decode(big, header, Cut((0, 0, side, side), (side, side)), Stop())
    assert decode(codec).images
    processes.close()


def test_what_would_need_more_memory_than_there_is_is_refused_by_its_header(codec):
    header = ImageHeader(64, 48, "tiff", "image/tiff", whole_bytes=513 * MB)
    with pytest.raises(Invalid) as refusal:
        codec.decode(TIFF, header, WHOLE, Stop())
    assert refusal.value.code == "too_complex"
    assert refusal.value.limit is not None
    assert refusal.value.limit.actual == 513 * MB


def test_more_askers_than_processes_wait_for_each_other(codec):
    with ThreadPoolExecutor(6) as threads:
        assert len(list(threads.map(lambda _: decode(codec), range(12)))) == 12


def test_who_waits_too_long_for_one_is_told_that_all_are_at_work(codec, processes):
    decode(codec)
    taken = processes._take(1)
    with pytest.raises(Unavailable) as refusal:
        processes.ask(m.ReadHeader(len(TIFF)), TIFF, max_s=0.05)
    assert refusal.value.code == "busy"
    processes._give_back(taken, is_good=True)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_process_has_limits_no_secrets_and_no_network(monkeypatch):
    monkeypatch.setenv("CIMAISE_SERVER_SECRET", "do not tell")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do not tell")
    process = Process(max_bytes=256 * MB)
    process.wait_until_ready()
    process.ask(m.ReadHeader(len(TIFF)), TIFF, max_s=20)
    folder = Path(f"/proc/{process.pid}")
    assert b"do not tell" not in (folder / "environ").read_bytes()
    lines = (folder / "limits").read_text().splitlines()
    limits = {line[:25].strip(): line[25:].split()[0] for line in lines[1:]}
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert int(limits["Max address space"]) < 2048 * MB
    assert int(limits["Max open files"]) <= 64
    inside = (folder / "ns" / "net").readlink()
    if os.geteuid() == 0:
        assert inside != Path("/proc/self/ns/net").readlink()
    process.close()


def test_where_none_can_be_started_it_is_busy_and_not_the_pictures_fault():
    class DoesNotStart(Process):
        def wait_until_ready(self):
            self.kill()
            super().wait_until_ready()

    processes = Processes(at_most=1, max_bytes=512 * MB, start=DoesNotStart)
    for _ in range(2):
        with pytest.raises(Unavailable):
            processes.ask(m.ReadHeader(len(TIFF)), TIFF, max_s=5)
    processes.close()


def test_an_answer_that_does_not_fit_the_request_is_not_believed():
    process = Process(max_bytes=256 * MB)
    process.wait_until_ready()
    ours, theirs = socket.socketpair()
    process._connection.close()
    process._connection = ours
    for answer in (m.Pixels(60000, 60000, 4, 100), m.Encoded(10**12), m.Encoded(-1)):
        m.send(theirs, answer)
        with pytest.raises(Broken):
            process.ask(m.Decode(0, ImageHeader(1, 1, "tiff", ""), WHOLE, 1), b"", max_s=5)
        theirs.settimeout(5)
        m.receive_head(theirs)
    theirs.sendall(b"\xff\xff\xff\xff")
    with pytest.raises(Broken):
        process.ask(m.ReadHeader(0), b"", max_s=5)
    theirs.close()
    process.close()


def test_a_server_whose_loaders_cannot_be_blocked_does_not_start(monkeypatch):
    pyvips.operation_block_set("VipsForeignLoad", False)
    monkeypatch.setattr(pyvips, "operation_block_set", lambda name, state: None)
    try:
        with pytest.raises(RuntimeError, match="told not to"):
            prepare_libvips()
    finally:
        monkeypatch.undo()
        prepare_libvips()


def test_a_broken_file_does_not_fill_the_log_with_warnings(caplog):
    whole = bytes(quadrants(200, 160).write_to_buffer(".jpg", Q=100))
    with pytest.raises(TypeNotAllowed):
        make(whole[: len(whole) // 2])
    assert [record for record in caplog.records if record.name.startswith("pyvips")] == []


def test_frames_of_a_moving_avif_keep_their_times(codec):
    frames = [PIL.Image.new("RGB", (40, 30), (80 * number, 0, 0)) for number in range(3)]
    written = io.BytesIO()
    frames[0].save(
        written, "AVIF", save_all=True, append_images=frames[1:], duration=[100, 200, 300]
    )
    source = written.getvalue()
    header = codec.read_header(source)
    assert header.frames == 3
    decoded = codec.decode(source, header, Cut((0, 0, 40, 30), (40, 30), 3), Stop())
    assert decoded.delays_ms == (100, 200, 300)
    assert [pixel(image, 0.5, 0.5)[0] for image in decoded.images] == pytest.approx(
        [0, 80, 160], abs=4
    )
