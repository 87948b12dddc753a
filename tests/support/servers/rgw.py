"""Ceph RADOS Gateway on a single node with everything in memory: a real S3 server that checks signatures.

It wants Debian's `radosgw`, `ceph-mon` and `ceph-osd`. A monitor, a store and the gateway run as processes of their
own, which the kernel kills when the process that started them ends, in whatever way.
"""

import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path

START_TIMEOUT = 60
"""Seconds until a node that does not serve is given up."""
START_ATTEMPTS = 3
"""Its ports are free when they are chosen; another process may take one before it is bound."""

CONFIGURATION = """
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = v2:127.0.0.1:{mon_port}/0
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
keyring = /dev/null
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_supported = none
# Without these, radosgw tries for ever to log in to the monitor.
ms_mon_client_mode = crc
ms_mon_service_mode = crc
ms_mon_cluster_mode = crc
run_dir = {folder}
log_file = {folder}/$name.log
admin_socket =
pid_file =
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_crush_chooseleaf_type = 0

[mon]
mon_data = {folder}/mon
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
paxos_propose_interval = 0.05
paxos_min_wait = 0.01

[osd]
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_dir = {classes}
# Short logs: they are in memory too.
osd_min_pg_log_entries = 20
osd_max_pg_log_entries = 40
osd_pg_log_dups_tracked = 40

[client.rgw]
rgw_data = {folder}/rgw
# Without tcp_nodelay a GET takes 44 ms.
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_enable_usage_log = false
rgw_run_sync_thread = false
"""


def is_installed() -> bool:
    """Whether this machine has all that a node needs."""
    return all(shutil.which(program) for program in ("radosgw", "ceph-mon", "ceph-osd"))


class RadosGateway:
    """A running node; `processes` has its monitor (`mon`), its store (`osd`) and its gateway (`rgw`)."""

    access_key = "test"
    secret_key = "testsecret"  # noqa: S105  # of a server that lives as long as the tests

    def __init__(self, folder: Path) -> None:
        """Start a node that keeps its files below `folder`, and wait until it serves. RuntimeError: it does not."""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for attempt in range(1, START_ATTEMPTS + 1):
            self._folder = folder / f"rgw-{attempt}"
            try:
                self._start()
            except (RuntimeError, subprocess.SubprocessError):
                self.stop()
                if attempt == START_ATTEMPTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return

    def stop(self) -> None:
        """Kill its processes, a stopped one too, and remove its files: all that it holds is in memory anyway."""
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        self.processes.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start_gateway(self) -> None:
        """Start the gateway, for the first time or after it was killed, and wait until it serves."""
        self._launch("rgw", "radosgw", "-n", "client.rgw", "-f")
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                if self.processes["rgw"].poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(self._report("radosgw does not serve")) from None
                time.sleep(0.02)
            else:
                return

    def _start(self) -> None:
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        mon_port, self._port = _free_ports()
        self.endpoint = f"http://127.0.0.1:{self._port}"
        for name in ("mon", "osd", "rgw"):
            (self._folder / name).mkdir(parents=True)
        classes = next(iter(Path("/usr/lib").glob("*/rados-classes")), "/usr/lib/rados-classes")
        configuration = CONFIGURATION.format(
            fsid=fsid, mon_port=mon_port, port=self._port, folder=self._folder, classes=classes
        )
        (self._folder / "ceph.conf").write_text(configuration)
        monmap = str(self._folder / "monmap")
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", monmap)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap)
        self._launch("mon", "ceph-mon", "-i", "a", "-f")
        self._run("ceph", "osd", "new", osd)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._launch("osd", "ceph-osd", "-i", "0", "-f")
        keys = (f"--access-key={self.access_key}", f"--secret-key={self.secret_key}")
        self._run("radosgw-admin", "user", "create", "--uid=test", "--display-name=test", "--max-buckets=0", *keys)
        self.start_gateway()

    def _run(self, *command: str) -> None:
        with (self._folder / "setup.log").open("ab") as log:
            subprocess.run(self._configured(command), check=True, timeout=START_TIMEOUT, stdout=log, stderr=log)

    def _launch(self, name: str, *command: str) -> None:
        """Start a process that is killed when this one ends."""
        with (self._folder / f"{name}.out").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._configured(command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _configured(self, command: tuple[str, ...]) -> list[str]:
        return [*command, "-c", str(self._folder / "ceph.conf")]

    def _report(self, what: str) -> str:
        """Put together what the processes wrote last."""
        tails = [
            f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            for log in sorted(self._folder.glob("*.out")) + sorted(self._folder.glob("*.log"))
        ]
        return "\n".join([what, *tails])


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
