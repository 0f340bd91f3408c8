"""The `slimgest` command, the example client and the service that they start, run as a user runs them."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from slimgest_celery.cli.resume_log import NAME
from tests.support import pdfs
from tests.support.ports import free_port
from tests.support.processes import start
from tests.support.receiver import receiving
from tests.support.signals import default_sigint
from tests.support.stack import ROOT, Stack, wait_for

ENV = {
    "SLIMGEST_ENGINE": "tests.support.engines:ByColour",
    "PYTHONPATH": str(ROOT),
    "PYTHONWARNINGS": "ignore",
    "TEST_MARK": uuid.uuid4().hex,
}


def _slimgest(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "slimgest_celery.cli", *arguments]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SLIMGEST_")}
    return subprocess.run(command, cwd=cwd, env={**inherited, **ENV, **env}, capture_output=True, text=True, timeout=90)


def _ours() -> set[int]:
    """Return the processes started by this module's tests: they have inherited its mark."""
    found = set()
    for process in psutil.process_iter(["status"]):
        with suppress(psutil.Error):
            if (
                process.info["status"] != psutil.STATUS_ZOMBIE
                and process.environ().get("TEST_MARK") == ENV["TEST_MARK"]
            ):
                found.add(process.pid)
    return found


def test_process_reads_a_pdf_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = _ours()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (tmp_path / "a.pdf").write_bytes(pdfs.text_pages(["Read by a service of its own."]))
    done = _slimgest("process", "a.pdf", cwd=tmp_path, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert "Read by a service of its own." in done.stdout and done.stdout.startswith("<!-- page 1 -->")
    assert done.stderr == "", "no progress without a terminal"
    wait_for(lambda: _ours() <= before, what="the end of all processes", within_s=60)
    assert list(temporary.iterdir()) == []


def test_process_of_a_folder_writes_a_file_per_pdf_and_reports_failures(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "in/deeper").mkdir(parents=True)
    (tmp_path / "in/good.pdf").write_bytes(pdfs.numbered(2))
    (tmp_path / "in/deeper/good.PDF").write_bytes(pdfs.numbered(1, first=9))
    (tmp_path / "in/bad.pdf").write_bytes(b"%PDF-1.4 broken")
    (tmp_path / "in/no.pdf").write_bytes(b"not a PDF at all")
    (tmp_path / "in/ignored.txt").write_text("not looked at")
    done = _slimgest("process", "in", "-o", "out", "-f", "txt", "--url", stack.url, cwd=tmp_path)
    assert done.returncode == 1
    assert "pdf.unreadable" in done.stderr and "upload.not_pdf" in done.stderr
    written = {str(path.relative_to(tmp_path / "out")): path.read_text() for path in (tmp_path / "out").rglob("*.txt")}
    assert written == {"good.txt": "page 1\n\fpage 2\n\f", "deeper/good.txt": "page 9\n\f"}


def test_progress_is_shown_to_a_terminal_unless_quiet(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(2))
    shown = _on_a_terminal("process", "a.pdf", "--url", stack.url, cwd=tmp_path)
    assert "2/2\x1b[0m pages" in shown
    assert "Reading with by-colour 1 on 2 workers (cpu); languages: as the service is set\x1b" in shown
    shown = _on_a_terminal("process", "a.pdf", "-l", "de,fr", cwd=tmp_path, SLIMGEST_NUM_WORKERS="1")
    assert "Reading with by-colour 1 on 1 worker (cpu); languages: de,fr\x1b" in shown, "a service of its own"
    assert _on_a_terminal("process", "a.pdf", "--url", stack.url, "-q", cwd=tmp_path) == ""
    (tmp_path / "many").mkdir()
    for number in range(6):
        (tmp_path / f"many/[{number}].pdf").write_bytes(pdfs.numbered(1))
    shown = _on_a_terminal("process", "many", "--url", stack.url, cwd=tmp_path)
    assert "6/6\x1b[0m PDFs" in shown and "[0].pdf" in shown


def _on_a_terminal(*arguments: str, cwd: Path, **env: str) -> str:
    """Return what a command writes to standard error on a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "slimgest_celery.cli", *arguments]
    process = subprocess.Popen(
        command, cwd=cwd, env={**os.environ, **ENV, **env}, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # Linux ends a terminal's output with an error
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    assert process.wait(60) == 0
    return shown.decode()


def test_an_interrupted_folder_run_reads_only_what_is_missing(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / f"in/{name}.pdf").write_bytes(pdfs.numbered(1))
    command = ["process", "in", "-o", "out", "-f", "txt", "--json", "--url", stack.url]

    def run(*more: str, says: str = "3 documents, ") -> dict[str, str]:
        done = _slimgest(*command, *more, cwd=tmp_path)
        assert done.returncode == 0 and done.stderr.startswith(says), done.stderr
        entries = map(json.loads, done.stdout.splitlines())
        return {Path(entry["path"]).stem: entry["status"] for entry in entries}

    assert run("--jobs", "1") == dict.fromkeys("abc", "completed")
    assert run(says="3 documents (3 of them read earlier), 0 pages in ") == dict.fromkeys("abc", "skipped")
    (tmp_path / "in/a.pdf").write_bytes(pdfs.numbered(2))  # another file now
    (tmp_path / "out/b.txt").unlink()
    again = run(says="3 documents (1 of them read earlier), 3 pages in ")
    assert again == {"a": "completed", "b": "completed", "c": "skipped"}
    assert (tmp_path / "out/a.txt").read_text() == "page 1\n\fpage 2\n\f"
    assert run("--dpi", "100") == dict.fromkeys("abc", "completed"), "other options"
    assert run("--dpi", "100", "--again") == dict.fromkeys("abc", "completed")


def test_a_pdf_that_was_started_when_the_run_was_killed_is_not_read_twice(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "begun.pdf").write_bytes(pdfs.numbered(40))
    command = ["process", "begun.pdf", "-o", "out", "--json", "--url", stack.url]
    first = subprocess.Popen(
        [sys.executable, "-m", "slimgest_celery.cli", *command], cwd=tmp_path, env={**os.environ, **ENV}
    )
    resume_log = tmp_path / "out" / NAME
    wait_for(lambda: resume_log.exists() and _jobs_of(stack, "begun.pdf"), what="the job")
    first.kill()
    first.wait()
    (running_job,) = _jobs_of(stack, "begun.pdf")
    done = _slimgest(*command, cwd=tmp_path)
    assert json.loads(done.stdout)["job_id"] == running_job
    assert _jobs_of(stack, "begun.pdf") == [running_job]


def _jobs_of(stack: Stack, filename: str) -> list[str]:
    return [job["job_id"] for job in stack.get("/jobs").json()["jobs"] if job["filename"] == filename]


def test_standard_input_is_read_and_json_is_printed(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(1))
    command = [sys.executable, "-m", "slimgest_celery.cli", "process", "-", "--url", stack.url]
    with (tmp_path / "a.pdf").open("rb") as pdf:
        done = subprocess.run(command, env={**os.environ, **ENV}, stdin=pdf, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and "page 1" in done.stdout
    nothing = subprocess.run(
        command, env={**os.environ, **ENV}, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert nothing.returncode == 1 and nothing.stderr.startswith("-: The uploaded file 'stdin.pdf' is empty.")
    assert nothing.stderr.count("\n") == 1, "lines are not wrapped without a terminal"
    report = json.loads(_slimgest("process", "a.pdf", "--json", "-f", "txt", "--url", stack.url, cwd=tmp_path).stdout)
    assert (report["status"], report["total_pages"], report["results"]) == ("completed", 1, {"txt": "page 1\n\f"})
    (tmp_path / "no.pdf").write_bytes(b"not a PDF at all")
    refused = _slimgest("process", "no.pdf", "--json", "--url", stack.url, cwd=tmp_path)
    assert refused.returncode == 1 and json.loads(refused.stdout)["error"]["code"] == "upload.not_pdf"
    watched = _slimgest("watch", report["job_id"], "--json", "--url", stack.url, cwd=tmp_path).stdout.splitlines()
    assert [json.loads(line)["type"] for line in watched] == ["start", "page", "complete"]


def test_a_result_is_printed_or_written_to_a_file(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(2))
    env = {"SLIMGEST_URL": stack.url}
    job_id = _slimgest("submit", "a.pdf", cwd=tmp_path, **env).stdout.strip()
    shown = _slimgest("watch", job_id, cwd=tmp_path, **env).stdout
    assert "a.pdf: 2 pages to read" in shown and "completed: 2 pages read\n" in shown
    assert _slimgest("result", job_id, "-f", "txt", cwd=tmp_path, **env).stdout == "page 1\n\fpage 2\n\f"
    assert _slimgest("result", job_id, "-f", "pdf", "-o", "made.pdf", cwd=tmp_path, **env).returncode == 0
    assert (tmp_path / "made.pdf").read_bytes().startswith(b"%PDF-")
    refused = _slimgest("result", job_id, "-f", "txt", "-o", "made.pdf", cwd=tmp_path, **env)
    assert refused.returncode == 2 and "made.pdf exists. Replace it with --force" in refused.stderr
    assert _slimgest("result", job_id, "-f", "txt", "-o", "made.pdf", "--force", cwd=tmp_path, **env).returncode == 0
    assert (tmp_path / "made.pdf").read_text() == "page 1\n\fpage 2\n\f"
    unknown = _slimgest("result", str(uuid.uuid4()), cwd=tmp_path, **env)
    assert unknown.returncode == 1 and "`slimgest jobs` lists the stored jobs" in unknown.stderr


def test_one_document_is_written_to_the_file_that_the_user_names(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(1))
    command = ["process", "a.pdf", "--url", stack.url]
    assert _slimgest(*command, "-o", "new/out.txt", cwd=tmp_path).returncode == 0
    assert (tmp_path / "new/out.txt").read_text() == "page 1\n\f", "in the format of the name"
    again = _slimgest(*command, "-o", "new/out.txt", "-f", "json", cwd=tmp_path)
    assert again.returncode == 2 and "out.txt exists. Replace it with --again" in again.stderr
    assert _slimgest(*command, "-o", "new/out.txt", "-f", "json", "--again", cwd=tmp_path).returncode == 0
    assert json.loads((tmp_path / "new/out.txt").read_text())["total_pages"] == 1
    assert _slimgest(*command, "-o", "v1.2", cwd=tmp_path).returncode == 0
    assert (tmp_path / "v1.2/a.md").exists(), "a folder: its name ends like no format"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.txt"]


def test_a_batch_ends_with_a_summary_and_may_have_equal_names(stack: Stack, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.pdf").write_bytes(pdfs.numbered(1, first=len(folder) + ord(folder[0])))
    (tmp_path / "no.pdf").write_bytes(b"not a PDF at all")
    done = _slimgest("process", "one/same.pdf", "two/same.pdf", "-f", "txt", "--url", stack.url, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == f"page {3 + ord('o')}\n\fpage {3 + ord('t')}\n\f"
    assert done.stderr.startswith("2 documents, 2 pages in ")
    assert done.stderr.endswith(" s: 0 documents not read completely, 0 pages failed, 0 pages with warnings.\n")
    partly = _slimgest("process", "one", "no.pdf", "--json", "-f", "txt", "--url", stack.url, cwd=tmp_path)
    assert partly.returncode == 1 and "1 document not read completely" in partly.stderr
    assert len([json.loads(line) for line in partly.stdout.splitlines()]) == 2


def test_several_pdfs_are_submitted_and_a_refused_one_does_not_stop_the_others(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(1))
    (tmp_path / "b.pdf").write_bytes(b"not a PDF at all")
    (tmp_path / "c.pdf").write_bytes(pdfs.numbered(2))
    done = _slimgest("submit", "a.pdf", "b.pdf", "c.pdf", cwd=tmp_path, SLIMGEST_URL=stack.url)
    assert done.returncode == 1 and done.stderr.startswith("b.pdf: ") and "upload.not_pdf" in done.stderr
    assert [stack.wait_end(job_id)["total_pages"] for job_id in done.stdout.split()] == [1, 2]


@pytest.mark.parametrize("output", [[], ["-o", "out"]])
def test_ctrl_c_ends_a_run_at_once_and_leaves_only_jobs_that_it_can_resume(
    stack: Stack, tmp_path: Path, output: list[str]
) -> None:
    name = f"long{len(output)}.pdf"
    (tmp_path / name).write_bytes(pdfs.numbered(200))
    command = [sys.executable, "-m", "slimgest_celery.cli", "process", name, "--mode", "ocr", "--url", stack.url]
    with default_sigint():
        run = subprocess.Popen(
            [*command, *output], cwd=tmp_path, env={**os.environ, **ENV}, stderr=subprocess.PIPE, text=True
        )
    wait_for(lambda: _jobs_of(stack, name) and stack.status(_jobs_of(stack, name)[0])["pages_done"], what="a page")
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=10)
    assert run.returncode == 130 and "Interrupted." in said and "Traceback" not in said
    (job_id,) = _jobs_of(stack, name)
    assert (stack.status(job_id)["status"] == "cancelled") is not bool(output)
    assert ("resumes this run" in said) is bool(output)
    stack.request("DELETE", f"/jobs/{job_id}")


def test_a_closed_pipe_ends_the_run_silently(stack: Stack, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.pdf").write_bytes(pdfs.numbered(3))
    command = [sys.executable, "-m", "slimgest_celery.cli", "process", ".", "--url", stack.url]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **ENV}, **pipes) as run:  # type: ignore[call-overload]
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 141


def test_a_full_disk_is_reported_in_a_sentence(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(1))
    command = [
        sys.executable,
        "-B",
        "-m",
        "slimgest_celery.cli",
        "process",
        "a.pdf",
        "-o",
        "out",
        "--url",
        stack.url,
    ]
    full = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **ENV}, capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )  # fmt: skip
    assert full.returncode == 1 and "free disk space" in full.stderr and "Traceback" not in full.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_the_commands(tmp_path: Path, shell: str) -> None:
    assert "_SLIMGEST_COMPLETE" in _slimgest("completion", shell, cwd=tmp_path).stdout
    if shell == "bash":
        typed = {"_SLIMGEST_COMPLETE": "bash_complete", "COMP_WORDS": "slimgest pro", "COMP_CWORD": "1"}
        command = [str(Path(sys.executable).with_name("slimgest"))]
        assert (
            "plain,process"
            in subprocess.run(command, env={**os.environ, **typed}, capture_output=True, text=True).stdout
        )


def test_submit_status_watch_and_cancel(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(2))
    job_id = _slimgest("submit", "a.pdf", "--url", stack.url, "--mode", "ocr", cwd=tmp_path).stdout.strip()
    watched = _slimgest("watch", job_id, cwd=tmp_path, SLIMGEST_URL=stack.url)
    begun, *pages, ended = watched.stdout.splitlines()
    assert (begun, ended) == ("a.pdf: 2 pages to read", "completed: 2 pages read")
    assert [line.partition(" (")[0] for line in sorted(pages)] == ["page 1: by OCR", "page 2: by OCR"]
    assert watched.returncode == 0
    table = _slimgest("status", job_id, "--url", stack.url, cwd=tmp_path).stdout.splitlines()
    assert ["status", "completed"] in map(str.split, table) and ["total", "pages", "2"] in map(str.split, table)
    report = json.loads(_slimgest("status", job_id, "--json", "--url", stack.url, cwd=tmp_path).stdout)
    assert report["status"] == "completed"
    service = _slimgest("status", "--url", stack.url, cwd=tmp_path).stdout
    assert job_id in service and "pages to read" in service and "{" not in service, "a table"
    whole = json.loads(_slimgest("status", "--json", "--url", stack.url, cwd=tmp_path).stdout)
    assert whole["service"]["workers"] and job_id in [entry["job_id"] for entry in whole["jobs"]]
    assert "completed" in _slimgest("cancel", job_id, "--url", stack.url, cwd=tmp_path).stdout
    deleted = _slimgest("submit", "a.pdf", "--url", stack.url, cwd=tmp_path).stdout.strip()
    stack.wait_end(deleted)
    assert _slimgest("delete", deleted, "--url", stack.url, cwd=tmp_path).stdout == f"{deleted}  deleted\n"
    gone = _slimgest("status", deleted, "--url", stack.url, cwd=tmp_path)
    assert gone.returncode == 1 and "The job was deleted" in gone.stderr
    listed = _slimgest("jobs", "--status", "completed", "--since", "1h", "-n", "1", "--url", stack.url, cwd=tmp_path)
    assert listed.stdout.startswith(job_id) and listed.stdout.count("\n") == 1
    nothing = _slimgest("jobs", "--status", "cancelled", "--filename", "?", "--all", "--url", stack.url, cwd=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["process"], 2, "Missing argument"),
        (["process", "nowhere.pdf"], 2, "does not exist"),
        (["process", "empty"], 2, "folders contain no PDF"),
        (["process", "a.pdf", "--pages", "x"], 2, "page numbers from 1"),
        (["process", "a.pdf", "--dpi", "1"], 2, "36"),
        (["process", "a.pdf", "a.pdf", "-o", "out"], 2, "Two results would be written to a.md"),
        (["process", "a.pdf", "-f", "pdf", "--json"], 2, "-o DIR"),
        (["process", "a.pdf", "-f", "txt", "-f", "md"], 2, "-o DIR"),
        (["process", "a.pdf", "-o", "a.pdf/out"], 1, "a.pdf/out cannot be read or written: Not a directory."),
        (["submit", "a.pdf", "--url", "http://127.0.0.1:9"], 1, "slimgest up"),
        (["process", "a.pdf", "--url", "http://127.0.0.1:9"], 1, "slimgest up"),
        (["watch", "nonsense"], 2, "'nonsense' is not a job id; `slimgest jobs` lists them."),
        (["status", "--url", "127.0.0.1:8000"], 2, "must start with http://"),
        (["jobs", "--since", "soon"], 2, "'soon' is not a time; try 12h, 7d or 2026-11-25."),
        (["worker"], 2, "SLIMGEST_REDIS_URL is not set"),
        (["nothing"], 2, "No such command"),
    ],
)
def test_wrong_usage_is_reported_in_a_sentence(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(1))
    done = _slimgest(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr and "Traceback" not in done.stderr


def test_wrong_settings_are_reported_all_at_once(tmp_path: Path) -> None:
    done = _slimgest("up", cwd=tmp_path, SLIMGEST_NUM_WORKERS="none", SLIMGEST_RETENTION="soon", SLIMGEST_ENGINE="?")
    assert done.returncode == 2
    assert all(name in done.stderr for name in ("SLIMGEST_NUM_WORKERS", "SLIMGEST_RETENTION", "SLIMGEST_ENGINE"))
    assert done.stderr.startswith("Usage: slimgest up "), "the command that was typed"
    assert "Traceback" not in done.stderr


def test_an_engine_that_cannot_load_is_reported_by_process(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(1))
    engine = "tests.support.engines:CannotLoad"
    done = _slimgest("process", "a.pdf", cwd=tmp_path, SLIMGEST_ENGINE=engine)
    assert done.returncode == 1 and "its model is missing" in done.stderr
    assert "Traceback (most recent call last)" not in done.stderr


def test_up_runs_everything_keeps_its_jobs_over_a_restart_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    before = _ours()
    port = free_port()
    command = [sys.executable, "-m", "slimgest_celery.cli", "up", "--port", str(port)]
    env = {**os.environ, **ENV, "XDG_DATA_HOME": str(tmp_path)}
    env.pop("SLIMGEST_REDIS_URL", None)
    url = f"http://127.0.0.1:{port}"
    job_id = ""
    for _ in range(2):
        with (tmp_path / "up.log").open("ab") as log, default_sigint():
            up = start(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        wait_for(lambda: f"{url} (Ctrl-C ends it)" in (tmp_path / "up.log").read_text(), what="the address")
        assert httpx.get(f"{url}/health/live", timeout=60).status_code == 200, "printed once the API answers"
        wait_for(lambda: _ready(url), what="slimgest up", logs=tmp_path)
        second = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=30)
        assert second.returncode == 1 and "Another `slimgest up`" in second.stderr
        if job_id:
            assert httpx.get(f"{url}/jobs/{job_id}").json()["status"] == "completed"
        answer = httpx.post(f"{url}/process-pdf", files={"file": ("a.pdf", pdfs.numbered(1))}, timeout=60)
        job_id = answer.json()["pdfs"][0]["job_id"]
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
        wait_for(lambda: _ours() <= before, what="the end of all processes", within_s=60)
        (tmp_path / "up.log").write_text("")


def test_up_restarts_killed_processes_and_leaves_nothing_when_it_is_killed(tmp_path: Path) -> None:
    before = _ours()
    port = free_port()
    command = [sys.executable, "-m", "workers", "up", "--private", "--port", str(port)]
    with (tmp_path / "up.log").open("ab") as log:
        up = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **ENV}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: _ready(url), what="slimgest up", logs=tmp_path)
    for name in ("gunicorn", "-server "):  # the server is Redis or Valkey
        victim = next(child for child in psutil.Process(up.pid).children() if name in " ".join(child.cmdline()))
        victim.kill()
        victim.wait()
        wait_for(lambda: _ready(url), what=f"{name} again", logs=tmp_path)
    up.kill()
    up.wait()
    wait_for(lambda: _ours() <= before, what="the end of all processes", within_s=60)


def test_process_that_is_killed_leaves_nothing_running(tmp_path: Path) -> None:
    before = _ours()
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(3))
    command = [sys.executable, "-m", "slimgest_celery.cli", "process", "a.pdf"]
    slow = {"TEST_ENGINE_SECONDS": "30", "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **ENV, **slow}, stderr=subprocess.DEVNULL)
    wait_for(lambda: any("-m celery" in " ".join(_line(pid)) for pid in _ours() - before), what="the workers")
    process.kill()
    process.wait()
    wait_for(lambda: _ours() <= before, what="the end of all processes", within_s=60)


def _line(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return []


def test_doctor_reports_what_is_there_and_what_to_do(tmp_path: Path) -> None:
    well = _slimgest("doctor", cwd=tmp_path, XDG_DATA_HOME=str(tmp_path))
    assert well.returncode == 0 and "tests.support.engines:ByColour" in well.stdout
    ill = _slimgest(
        "doctor", cwd=tmp_path, SLIMGEST_REDIS_URL="redis://127.0.0.1:9/0", SLIMGEST_ENGINE="no.such:Engine"
    )
    assert ill.returncode == 1
    assert "does not answer" in ill.stdout and "cannot be imported" in ill.stdout


def test_the_example_client_writes_markdown(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "a.pdf").write_bytes(pdfs.numbered(2))
    (tmp_path / "more/a.pdf").write_bytes(pdfs.numbered(1))
    command = [
        sys.executable,
        "-m",
        "api.example_client",
        str(tmp_path),
        "--url",
        stack.url,
        "-o",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "a.pdf: page" in done.stdout and "a.pdf: complete completed" in done.stdout
    assert "page 1\n\n<!-- page 2 -->\n\npage 2" in (tmp_path / "out/a.md").read_text()
    assert "page 2" not in (tmp_path / "out/more/a.md").read_text()
    for url, says in (
        ("http://127.0.0.1:9", "does not answer"),
        ("http://[", "does not answer"),
        (f"{stack.url}/docs", "a.pdf: "),  # a path of its own
    ):
        command[5] = url
        failed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert failed.returncode == 1 and says in failed.stderr and "Traceback" not in failed.stderr, url


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (502, "127.0.0.1 answered 502. Check --url."),
        (200, "the answer ended early. If this happens again, check --url."),
    ],
)
def test_the_example_client_ends_without_a_traceback_at_a_server_that_is_not_slimgest(
    tmp_path: Path, status: int, says: str
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 broken")
    with receiving(status) as server:
        url = f"http://127.0.0.1:{server.port}"
        command = [sys.executable, "-m", "api.example_client", str(tmp_path), "--url", url, "-o", str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, f"a.pdf: {says}\n")


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
