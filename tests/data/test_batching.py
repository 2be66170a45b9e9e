"""Tests of the order of examples and of the batches made from it."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxgan.data import Dataset, batches, epoch_order, load
from jaxgan.data.order import examples_at
from jaxgan.errors import UserError


def numbered(count, labels=True):
    """A dataset whose images hold their own number: uint8 [count, 2, 1, 1]."""
    numbers = np.arange(count)
    images = np.stack([numbers // 256, numbers % 256], axis=1).astype(np.uint8)
    return Dataset(
        name="numbered",
        split="train",
        image_shape=(2, 1, 1),
        num_examples=count,
        num_classes=count if labels else None,
        images=images[:, :, None, None],
        labels=numbers.astype(np.int32) if labels else None,
    )


def take(iterator, count):
    return [jax.tree.map(np.asarray, batch) for batch in itertools.islice(iterator, count)]


def assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for key in one:
            assert one[key].dtype == other[key].dtype
            np.testing.assert_array_equal(one[key], other[key])


def over_devices(count):
    mesh = jax.make_mesh((count,), ("data",), axis_types=(AxisType.Auto,))
    return NamedSharding(mesh, PartitionSpec(None, "data"))


def test_every_epoch_is_another_permutation():
    orders = [tuple(epoch_order(seed, epoch, 50)) for seed in (0, 1, 2**63 - 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len(set(orders)) == 6
    assert tuple(epoch_order(0, 1, 50)) == orders[1]


def test_order_stays_the_same():
    assert epoch_order(7, 3, 8).tolist() == [4, 3, 5, 6, 0, 7, 1, 2]


def test_examples_at():
    stream = np.concatenate([epoch_order(4, epoch, 7) for epoch in range(5)])
    np.testing.assert_array_equal(examples_at(np.arange(35), 4, 7), stream)
    np.testing.assert_array_equal(examples_at(np.array([3, 20, 34]), 4, 7), stream[[3, 20, 34]])


@pytest.mark.parametrize(("batch_size", "disc_steps"), [(4, 1), (3, 2), (10, 1), (25, 1), (24, 3)])
def test_batches_are_the_stream(batch_size, disc_steps):
    made = take(batches(numbered(10), seed=5, batch_size=batch_size, disc_steps=disc_steps), 6)
    for batch in made:
        assert batch["image"].shape == (disc_steps, batch_size, 2, 1, 1)
        assert batch["image"].dtype == np.uint8
        assert batch["label"].shape == (disc_steps, batch_size)
        assert batch["label"].dtype == np.int32
        np.testing.assert_array_equal(batch["image"][..., 1, 0, 0], batch["label"])
    stream = np.concatenate([batch["label"].ravel() for batch in made])
    expected = np.concatenate([epoch_order(5, epoch, 10) for epoch in range(50)])
    np.testing.assert_array_equal(stream, expected[: len(stream)])


def test_without_labels():
    (batch,) = take(batches(numbered(10, labels=False), seed=0, batch_size=4), 1)
    assert batch.keys() == {"image"}


def test_start_step_skips():
    arguments = {"seed": 1, "batch_size": 7, "disc_steps": 2}
    whole = take(batches(numbered(300), **arguments), 30)
    later = take(batches(numbered(300), **arguments, start_step=19), 11)
    assert_same(whole[19:], later)


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
def test_sharded_equals_unsharded():
    dataset = numbered(100)
    arguments = {"seed": 1, "batch_size": 8, "disc_steps": 3}
    sharding = over_devices(4)
    sharded = list(itertools.islice(batches(dataset, **arguments, sharding=sharding), 5))
    for array in sharded[0].values():
        assert array.sharding.is_equivalent_to(sharding, array.ndim)
        assert {shard.data.shape[:2] for shard in array.addressable_shards} == {(3, 2)}
    assert_same(
        [jax.tree.map(np.asarray, b) for b in sharded], take(batches(dataset, **arguments), 5)
    )


def test_compiles_once():
    iterator = batches(numbered(10), seed=0, batch_size=4)
    next(iterator)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *args, **kwargs: compiled.append(event) if "compile" in event else None
    )
    try:
        take(iterator, 10)
    finally:
        jax.monitoring.clear_event_listeners()
    assert compiled == []


@pytest.mark.parametrize("workers", [0, 2])
def test_streamed_equals_in_memory(mnist_dir, workers):
    sharding = over_devices(4 if jax.device_count() >= 4 else 1)
    arguments = {"seed": 3, "batch_size": 8, "disc_steps": 2, "start_step": 622}
    arguments["sharding"] = sharding
    in_memory = load("mnist", split="test", data_dir=mnist_dir)
    streamed = load("mnist", split="test", data_dir=mnist_dir, memory_limit=0)
    assert streamed.images is None
    assert (streamed.num_examples, streamed.num_classes) == (10000, 10)
    iterator = batches(streamed, **arguments, num_workers=workers)
    made = list(itertools.islice(iterator, 6))  # Runs over the end of an epoch.
    iterator.close()
    assert made[0]["image"].sharding.is_equivalent_to(sharding, 5)
    expected = take(batches(in_memory, **arguments), 6)
    assert_same([jax.tree.map(np.asarray, batch) for batch in made], expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_record_is_one_error(mnist_dir, tmp_path, workers):
    shutil.copytree(mnist_dir / "mnist", tmp_path / "mnist")
    (path,) = (tmp_path / "mnist" / "3.0.1").glob("mnist-test*")
    content = bytearray(path.read_bytes())
    content[1_000_000:2_000_000:1000] = b"\x55" * 1000
    path.write_bytes(content)
    dataset = load("mnist", split="test", data_dir=tmp_path, memory_limit=0)
    iterator = batches(dataset, seed=0, batch_size=100, num_workers=workers)
    with pytest.raises(Exception, match=r"dataset\.name='mnist': .* cannot be read \(record"):
        take(iterator, 100)
    iterator.close()


def test_a_worker_ends_with_a_killed_parent(tmp_path):
    """Although it only waits: nothing asks it for a batch."""
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
        import multiprocessing, os, pickle, signal, time
        from jaxgan.data.stream import StepSource

        def work(pickled):
            source = pickle.loads(pickled)
            print(os.getpid(), flush=True)
            time.sleep(300)

        if __name__ == "__main__":
            source = StepSource(None, 0, 1, 1, 0, 0)
            context = multiprocessing.get_context("spawn")
            context.Process(target=work, args=(pickle.dumps(source),)).start()
        """)
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "program.py"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    for _ in range(200):
        try:
            state = Path(f"/proc/{worker}/stat").read_text().split()[2]
        except OSError:
            state = "gone"
        if state in ("gone", "Z"):
            break
        time.sleep(0.05)
    else:
        os.kill(worker, signal.SIGKILL)
        raise AssertionError("the worker lives on")


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"seed": 2**63},
        {"seed": 0.5},
        {"batch_size": 0},
        {"batch_size": 2.0},
        {"disc_steps": 0},
        {"start_step": -1},
        {"num_workers": -1},
    ],
)
def test_bad_arguments(wrong):
    with pytest.raises(UserError, match=f"^{next(iter(wrong))}=") as error:
        batches(numbered(10), **({"seed": 0, "batch_size": 4} | wrong))
    assert "\n" not in str(error.value)


@pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")
def test_batch_that_devices_cannot_share():
    with pytest.raises(UserError, match=r"^batch_size=6: give a multiple of 4"):
        batches(numbered(10), seed=0, batch_size=6, sharding=over_devices(4))


def test_two_processes(tmp_path):
    """Each process makes its own half; together they are the batches of one process."""
    numbers = np.arange(30, dtype=np.uint8)
    np.savez(tmp_path / "data.npz", image=numbers[:, None, None], label=numbers)
    program = textwrap.dedent("""
        import itertools, sys
        import jax, numpy as np
        from jax.sharding import AxisType, NamedSharding, PartitionSpec
        jax.config.update("jax_platforms", "cpu")
        jax.config.update("jax_num_cpu_devices", 2)
        jax.distributed.initialize(sys.argv[1], num_processes=2, process_id=int(sys.argv[2]))
        from jaxgan.data import batches, load
        mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
        sharding = NamedSharding(mesh, PartitionSpec(None, "data"))
        for limit in (10_000, 0):
            data = load(path=sys.argv[3] + "/data.npz", data_dir=sys.argv[3], memory_limit=limit)
            made = batches(
                data, seed=9, batch_size=8, disc_steps=2, sharding=sharding, num_workers=0
            )
            for batch in itertools.islice(made, 5):
                for shard in batch["label"].addressable_shards:
                    print(limit, shard.index[1].start, np.asarray(shard.data).ravel().tolist())
            made.close()
    """)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "PATH": ""}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, address, str(process), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for process in range(2)
    ]
    lines = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        lines += out.splitlines()
    dataset = load(path=tmp_path / "data.npz", data_dir=tmp_path)
    expected = []
    for batch in take(batches(dataset, seed=9, batch_size=8, disc_steps=2), 5):
        for start in range(0, 8, 2):
            part = batch["label"][:, start : start + 2].ravel().tolist()
            expected += [f"{limit} {start} {part}" for limit in (10_000, 0)]
    assert sorted(lines) == sorted(expected)
