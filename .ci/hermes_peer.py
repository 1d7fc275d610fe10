"""Shares auth.json with a real Hermes Agent, and checks what docs/format.md says of that.

    hermes_peer.py PROGRAMS    with the pool and pool-migrate of that folder

It runs under the Python that has Hermes, which itself runs only in processes of .ci/hermes_side.py. Every secret here is
made up. Times and orders are random only where two programs write at once.
"""

import fcntl
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEGACY_STORE = HERE.parent / "tests/data/hermes-auth-legacy.json"
PROGRAMS = Path(sys.argv[1]).resolve()
PATIENCE = 60  # seconds, for anything that must happen
PEER = "custom:peer"
STRATEGIES = ["fill_first", "round_robin", "least_used", "random"]
BOTH_LAYOUTS = [False, True]  # whether the records are shown in the entries too


class Complaint(Exception):
    """What does not hold."""


def check(holds, complaint):
    if not holds:
        raise Complaint(complaint)


def equal(found, expected, what):
    check(found == expected, f"{what}:\n  found    {found}\n  expected {expected}")


# --- The two programs ---


def environment(home):
    """Nothing of this environment but the path."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home.user), "HERMES_HOME": str(home.path)}


class Hermes:
    """A Hermes process: it remembers what it loaded."""

    def __init__(self, home):
        self.process = subprocess.Popen(
            [sys.executable, "-I", HERE / "hermes_side.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(home),
        )

    def tell(self, do, **arguments):
        self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self.process.stdin.flush()

    def answer(self):
        check(self.has_answered(PATIENCE), f"Hermes gave no answer in {PATIENCE} s")
        line = self.process.stdout.readline()
        check(line, "Hermes ended early")
        answer = json.loads(line)
        check("error" not in answer, f"Hermes failed:\n{answer.get('error')}")
        return answer["answer"]

    def ask(self, do, **arguments):
        self.tell(do, **arguments)
        return self.answer()

    def has_answered(self, seconds=0):
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def leave(self):
        """Ends it, and sees that it neither warned of anything nor reached for the network."""
        self.process.stdin.close()
        equal(self.answer(), {"warnings": [], "network": []}, "what Hermes complained of")
        self.process.wait(PATIENCE)


@contextmanager
def hermes(home):
    other = Hermes(home)
    try:
        yield other
        other.leave()
    finally:
        other.process.kill()


class Home:
    """A folder with a store, and our programs on it."""

    def __init__(self, path, user=None):
        self.path = Path(path)
        self.user = user or self.path
        self.store = self.path / "auth.json"

    def put(self, store):
        text = store if isinstance(store, str) else json.dumps(store, indent=2) + "\n"
        beside = self.path / "written-by-hand"
        beside.write_text(text, encoding="utf-8")
        beside.chmod(0o600)
        beside.rename(self.store)

    def beside(self, name, text):
        """A file of another program in this home."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def edit(self, change):
        store = self.json()
        change(store)
        self.put(store)

    def json(self):
        return json.loads(self.store.read_text(encoding="utf-8"))

    def start(self, *words):
        program, *arguments = words
        command = [PROGRAMS / program, *map(str, arguments)]
        outputs = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, text=True, env=environment(self), **outputs)

    def run(self, *words):
        return finish(self.start(*words))

    def migrate(self, projected):
        self.run("pool-migrate", *(["--beside-hermes"] if projected else []))

    def report(self, id, *words, provider=PEER):
        self.run("pool", "report", provider, id, *words)

    def dies(self, id, provider=PEER):
        self.report(id, "--status", 401, "--code", "token_revoked", provider=provider)

    def listed(self, provider=PEER):
        """Each credential of a provider as `pool list` says, in its order."""
        listed = json.loads(self.run("pool", "list", "--json"))["providers"]
        pool = next((pool for pool in listed if pool["provider"] == provider), {"credentials": []})
        return {credential["id"]: credential for credential in pool["credentials"]}

    def expect(self, expected, what, provider=PEER):
        listed = self.listed(provider)
        found = {id: listed.get(id, {}).get("status") for id in expected}
        equal(found, expected, what)

    def record(self, id, provider=PEER):
        return self.json().get("credential_pool_runtime", {}).get(provider, {}).get(id, {})

    def entry(self, id, provider=PEER):
        return next((entry for entry in self.json()["credential_pool"][provider] if entry["id"] == id), None)


def finish(process):
    """What one of our programs printed; it must have done what it was asked for."""
    words = " ".join(map(str, process.args))
    try:
        printed, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise Complaint(f"{words} did not end in {PATIENCE} s") from None
    check(process.returncode == 0, f"{words} ended with {process.returncode}: {printed}")
    return printed


@contextmanager
def home_with(store):
    with tempfile.TemporaryDirectory(prefix="hermes-peer-") as path:
        home = Home(path)
        home.put(store)
        yield home


def keys(count, provider=PEER):
    """A store with so many API keys: k0, k1, ..."""
    entries = [
        {
            "id": f"k{number}",
            "label": f"key {number}",
            "auth_type": "api_key",
            "priority": number,
            "source": "manual",
            "access_token": f"sk-made-up-{provider}-{number}",
        }
        for number in range(count)
    ]
    return {"version": 1, "providers": {}, "credential_pool": {provider: entries}}


def in_an_hour():
    return time.time() + 3600


# --- Each sees what is there ---


def hermes_sees_in_our_layouts_what_it_saw_in_its_own():
    text = LEGACY_STORE.read_text(encoding="utf-8")
    with home_with(text) as home:
        legacy = all_that_hermes_sees(home)
    for projected in BOTH_LAYOUTS:
        with home_with(text) as home:
            home.migrate(projected)
            equal(all_that_hermes_sees(home), legacy, f"Hermes sees another store, projected: {projected}")


def all_that_hermes_sees(home):
    stored = home.json()["credential_pool"]
    with hermes(home) as other:
        seen = {provider: other.ask("load", provider=provider) for provider in stored}
    for provider, credentials in seen.items():
        check(credentials, f"Hermes sees no credential of {provider}")
        known = {entry["id"] for entry in stored[provider]}
        for credential in credentials:
            if credential["id"] not in known:
                # Hermes seeded it anew, under a random id.
                del credential["id"]
    return seen


def we_see_what_hermes_wrote():
    with home_with({"version": 1, "providers": {}}) as home:
        with hermes(home) as other:
            other.ask("load", provider=PEER)
            for id in ("n1", "n2"):
                other.ask("add", provider=PEER, id=id, label=f"new {id}", access_token=f"sk-made-up-{id}")
        home.expect({"n1": "ok", "n2": "ok"}, "what Hermes added")
        equal(home.run("pool-migrate", "--check"), "nothing to move\n", "a store that Hermes made")
        equal(home.run("pool", "pick", PEER, "--print-secret").strip(), "sk-made-up-n1", "the first in line")


# --- A profile and the root behind it ---


@contextmanager
def profile_and_root(own, root):
    with tempfile.TemporaryDirectory(prefix="hermes-peer-") as user:
        folder = Path(user) / ".hermes/profiles/work"
        folder.mkdir(parents=True)
        profile, behind = Home(folder, user), Home(Path(user) / ".hermes", user)
        profile.put(own)
        behind.put(root)
        yield profile, behind


LENT, EMPTY, OWN = "custom:lent", "custom:empty", "custom:own"


def family():
    """The root has three keys of each of three providers; the profile has an empty list of one, and a key of another."""
    root = {"version": 1, "providers": {}, "credential_pool": {}}
    for provider in (LENT, EMPTY, OWN):
        root["credential_pool"] |= keys(3, provider)["credential_pool"]
    own = keys(1, OWN)
    own["credential_pool"][EMPTY] = []
    return own, root


def a_profile_sees_what_hermes_sees_there():
    with profile_and_root(*family()) as (profile, _):
        with hermes(profile) as other:
            for provider, count in ((LENT, 3), (EMPTY, 3), (OWN, 1)):
                seen = [credential["id"] for credential in other.ask("load", provider=provider)]
                equal(seen, list(profile.listed(provider)), f"what both see of {provider}")
                equal(len(seen), count, f"how many there are of {provider}")


def hermes_in_a_profile_passes_over_what_a_profile_of_ours_saw_die():
    own, before = family()
    with profile_and_root(own, before) as (profile, root):
        root.migrate(projected=True)
        profile.dies("k0", provider=LENT)
        equal(root.record("k0", LENT).get("status"), "dead", "the record is the root's")
        equal(profile.json(), own, "nothing is written to the profile")
        with hermes(profile) as other:
            other.ask("load", provider=LENT)
            equal(other.ask("picks", provider=LENT, count=3), ["k1"] * 3, "whom Hermes picks in the profile")


def hermes_copies_what_it_marks_to_the_profile():
    with profile_and_root(*family()) as (profile, root):
        before = root.store.read_bytes()
        with hermes(profile) as other:
            other.ask("load", provider=LENT)
            other.ask("mark", provider=LENT, id="k1", status=429)
        equal(root.store.read_bytes(), before, "the root after a mark of Hermes in the profile")
        equal([entry["id"] for entry in profile.json()["credential_pool"][LENT]], ["k0", "k1", "k2"], "the copy")
        profile.expect({"k0": "ok", "k1": "exhausted", "k2": "ok"}, "the mark as the profile has it", provider=LENT)
        root.expect({"k1": "ok"}, "the root", provider=LENT)


# --- What is taken in, and what is not ---

TAKEN_IN = {"openrouter": "env:OPENROUTER_API_KEY", "openai-codex": "manual:codex_cli", "anthropic": "claude_code"}


@contextmanager
def home_with_all_taken_in():
    with home_with({"version": 1, "providers": {}}) as home:
        # Hermes looks at the login of Claude Code only where somebody chose the provider.
        home.beside("config.yaml", "model:\n  provider: anthropic\n")
        home.beside(".env", "OPENROUTER_API_KEY=sk-or-made-up-key\n")
        login = {"accessToken": "sk-ant-oat01-made-up", "refreshToken": "sk-ant-ort01-made-up"}
        home.beside(".claude/.credentials.json", json.dumps({"claudeAiOauth": login | {"expiresAt": 1999800400000}}))
        tokens = {"access_token": "made-up-access", "refresh_token": "made-up-refresh"}
        home.beside(".codex/auth.json", json.dumps({"tokens": tokens}))
        for source in ("codex", "claude"):
            home.run("pool", "import", source)
        home.run("pool", "sync")
        yield home


def hermes_keeps_what_we_took_in():
    with home_with_all_taken_in() as home:
        ours = home.json()["credential_pool"]
        with hermes(home) as other:
            for provider, source in TAKEN_IN.items():
                known = {entry["id"]: entry["source"] for entry in ours[provider]}
                equal(list(known.values()), [source], f"what we took in of {provider}")
                seen = {credential["id"]: credential["source"] for credential in other.ask("load", provider=provider)}
                equal(seen, known, f"what Hermes sees of {provider}")
        for provider in TAKEN_IN:
            (id,) = [entry["id"] for entry in ours[provider]]
            home.expect({id: "ok"}, f"{provider} after Hermes", provider=provider)
        check("sk-" not in home.store.read_text(encoding="utf-8"), "what is borrowed is not stored")


def hermes_leaves_out_what_we_removed():
    with home_with_all_taken_in() as home:
        for provider in ("openrouter", "anthropic"):
            home.run("pool", "remove", provider, "1")
        with hermes(home) as other:
            for provider in ("openrouter", "anthropic"):
                equal(other.ask("load", provider=provider), [], f"what Hermes takes in of {provider}")
        suppressed = {provider: [TAKEN_IN[provider]] for provider in ("openrouter", "anthropic")}
        equal(home.json()["suppressed_sources"], suppressed, "what is suppressed")


# --- Hermes picks ---


def store_of_all_strategies():
    """One provider for each strategy of Hermes, each with seven keys; the status of the last is of a newer program."""
    providers = [f"custom:{strategy}" for strategy in STRATEGIES]
    store = keys(7, providers[0])
    for provider in providers[1:]:
        store["credential_pool"] |= keys(7, provider)["credential_pool"]
    store["credential_pool_runtime"] = {provider: {"k6": {"status": "quarantined"}} for provider in providers}
    return store, providers


def choose_strategies(home):
    lines = [f"  custom:{strategy}: {strategy}\n" for strategy in STRATEGIES]
    (home.path / "config.yaml").write_text("credential_pool_strategies:\n" + "".join(lines), encoding="utf-8")


def hermes_passes_over_what_we_show_it():
    store, providers = store_of_all_strategies()
    with home_with(store) as home:
        choose_strategies(home)
        home.migrate(projected=True)
        for provider in providers:
            home.dies("k0", provider=provider)
            home.report("k1", "--status", 429, "--reset-at", in_an_hour(), provider=provider)
            home.report("k2", "--no-answer", provider=provider)
        with hermes(home) as other:
            for strategy, provider in zip(STRATEGIES, providers):
                other.ask("load", provider=provider)
                picked = set(other.ask("picks", provider=provider, count=100))
                expected = {"k3"} if strategy == "fill_first" else {"k3", "k4", "k5"}
                equal(picked, expected, f"whom Hermes picks under {strategy}")


def a_new_secret_is_picked_again():
    with home_with(keys(2)) as home:
        home.migrate(projected=True)
        home.dies("k0")
        home.edit(lambda store: store["credential_pool"][PEER][0].update(access_token="sk-made-up-anew"))
        home.report("k1", "--status", 429)
        with hermes(home) as other:
            other.ask("load", provider=PEER)
            equal(other.ask("picks", provider=PEER, count=1), ["k0"], "whom Hermes picks once k0 has a new secret")


def what_we_do_not_show_hermes_picks_fails_and_marks():
    with home_with(keys(2)) as home:
        home.migrate(projected=False)
        home.dies("k0")
        with hermes(home) as other:
            other.ask("load", provider=PEER)
            equal(other.ask("picks", provider=PEER, count=1), ["k0"], "whom Hermes picks where nothing is shown")
            other.ask("mark", provider=PEER, id="k0", status=401, reason="token_revoked")
        home.expect({"k0": "dead", "k1": "ok"}, "after Hermes found out itself")


# --- We read what Hermes rewrote ---


def hermes_keeps_our_sections(projected):
    with home_with(LEGACY_STORE.read_text(encoding="utf-8")) as home, hermes(home) as other:
        home.migrate(projected)
        before = our_sections(home)
        for provider, id in [("openrouter", "0f0f0f"), ("openai-codex", "7db7c3")]:
            other.ask("load", provider=provider)
            other.ask("mark", provider=provider, id=id, status=429, reset_at=in_an_hour())
            home.expect({id: "exhausted"}, "a mark of Hermes", provider)
        equal(our_sections(home), before, "our sections after Hermes wrote")
        home.expect({"9de82c": "dead"}, "a credential that was dead before the migration", "openai-codex")


def our_sections(home):
    """As text, so that key order, 1 and 1.0, and true and 1 are told apart."""
    sections = {name: value for name, value in home.json().items() if name.startswith("credential_pool_")}
    check("credential_pool_runtime" in sections, "there are no records")
    return json.dumps(sections)


def marks_of_hermes_are_read(projected):
    with home_with(keys(4)) as home, hermes(home) as other:
        home.migrate(projected)
        other.ask("load", provider=PEER)
        told = {"reason": "rate_limit", "message": "slow down"}
        other.ask("mark", provider=PEER, id="k0", status=429, reset_at=in_an_hour(), **told)
        other.ask("mark", provider=PEER, id="k1", status=402, message="no credit")
        other.ask("mark", provider=PEER, id="k2", status=401, reason="token_revoked", message="gone")
        expected = {"k0": "exhausted", "k1": "exhausted", "k2": "dead", "k3": "ok"}
        home.expect(expected, "marks of Hermes")
        throttled = home.listed()["k0"]
        equal({name: throttled[name] for name in told}, told, "what k0 was told")
        home.report("k3", "--status", 503)
        home.expect(expected | {"k3": "exhausted"}, "marks of Hermes after a write of ours")
        equal(home.record("k2")["last_error"]["message"], "gone", "the record of k2")


def nulls_and_oks_of_hermes_revive_nobody(projected):
    with home_with(keys(4)) as home, hermes(home) as other:
        home.migrate(projected)
        other.ask("load", provider=PEER)
        home.dies("k0")
        home.report("k1", "--status", 429)
        expected = {"k0": "dead", "k1": "exhausted"}
        # Its memory knows of neither.
        other.ask("mark", provider=PEER, id="k2", status=429, reset_at=time.time() - 1)
        equal(home.entry("k0")["last_status"], None, "what Hermes wrote over k0")
        home.expect(expected, "after nulls from a stale memory")
        # The rest of k2 is over, so that Hermes clears it.
        other.ask("load", provider=PEER)
        other.ask("picks", provider=PEER, count=1)
        home.expect(expected | {"k2": "ok"}, "after an elapsed rest")
        # Now it knows what is shown, if it is.
        home.report("k3", "--status", 429)
        other.ask("load", provider=PEER)
        other.ask("mark", provider=PEER, id="k0", status=429, message="late")
        home.expect(expected, "after a late throttle on the dead")
        other.ask("reset", provider=PEER)
        home.expect(expected, "after a reset by Hermes")
        home.report("k3", "--status", 429, "--reset-at", in_an_hour())
        home.expect(expected, "after a write of ours")
        equal(home.entry("k0").get("last_status"), "dead" if projected else None, "what the entry shows in the end")
        home.run("pool", "reset", PEER, "--dead")
        home.expect({"k0": "ok", "k1": "ok"}, "after a reset by us")


def a_reset_by_hermes_clears_what_only_it_has_marked(projected):
    with home_with(keys(2)) as home, hermes(home) as other:
        home.migrate(projected)
        other.ask("load", provider=PEER)
        other.ask("mark", provider=PEER, id="k0", status=429)
        home.expect({"k0": "exhausted"}, "a mark of Hermes")
        other.ask("reset", provider=PEER)
        home.expect({"k0": "ok"}, "after its reset")


def a_list_that_hermes_changed_is_read(projected):
    store = keys(4, "custom:round_robin")
    store["credential_pool"]["custom:round_robin"][1]["unknown"] = "is dropped"
    with home_with(store) as home, hermes(home) as other:
        choose_strategies(home)
        provider = "custom:round_robin"
        home.migrate(projected)
        home.dies("k1", provider=provider)
        other.ask("load", provider=provider)
        other.ask("picks", provider=provider, count=1)
        other.ask("remove", provider=provider, id="k2")
        other.ask("add", provider=provider, id="n1", label="new", access_token="sk-made-up-new")
        listed = home.listed(provider)
        order = ["k1", "k3", "k0", "n1"]
        equal(list(listed), order, "the line after Hermes picked, removed and added")
        equal([listed[id]["status"] for id in order], ["dead", "ok", "ok", "ok"], "how they are")
        check("unknown" not in home.entry("k1", provider), "Hermes keeps unknown keys now: docs/format.md says otherwise")


def a_login_that_hermes_renewed_is_back(projected):
    provider, id = "openai-codex", "9de82c"
    with home_with(LEGACY_STORE.read_text(encoding="utf-8")) as home:
        home.migrate(projected)
        home.expect({id: "dead"}, "a dead login", provider)
        equal(home.entry(id, provider).get("last_status"), "dead" if projected else None, "what its entry shows")
        renewed = {"access_token": "made-up", "refresh_token": "made-up-too"}
        home.edit(lambda store: store["providers"][provider]["tokens"].update(renewed))
        with hermes(home) as other:
            other.ask("load", provider=provider)
        equal(home.entry(id, provider)["access_token"], "made-up", "the token that Hermes took from its login")
        home.expect({id: "ok"}, "a login that was renewed", provider)
        home.report("7db7c3", "--status", 429, provider=provider)
        with hermes(home) as other:
            other.ask("load", provider=provider)
            equal(other.ask("statuses", provider=provider)[id], None, "what Hermes knows of it after a write of ours")


# --- The lock ---


def we_wait_for_the_lock_of_hermes():
    with home_with(keys(1)) as home, hermes(home) as other:
        other.ask("lock")
        before = home.store.read_bytes()
        ours = home.start("pool", "report", PEER, "k0", "--status", "429")
        await_place_in_line(ours.pid)
        check(ours.poll() is None, "our report did not wait for Hermes")
        equal(home.store.read_bytes(), before, "the store while Hermes holds the lock")
        other.ask("unlock")
        finish(ours)
        home.expect({"k0": "exhausted"}, "after our report")


def hermes_waits_for_our_lock():
    store = keys(1) | {"theirs": "x" * 4_000_000}  # so that our write takes a moment
    with home_with(store) as home, hermes(home) as other:
        ours = paused_while_it_holds_the_lock(home)
        try:
            other.tell("lock")
            await_tries(other.process.pid, home)
            check(not other.has_answered(), "Hermes took the lock that a process of ours holds")
        finally:
            ours.send_signal(signal.SIGCONT)
        other.answer()
        finish(ours)
        other.ask("unlock")
        home.expect({"k0": "exhausted"}, "after our report")


def paused_while_it_holds_the_lock(home):
    for number in range(50):
        ours = home.start("pool", "report", PEER, "k0", "--status", "429", "--message", f"try {number}")
        while ours.poll() is None and not has_open(ours.pid, home):
            pass
        if ours.poll() is None:
            ours.send_signal(signal.SIGSTOP)
            if is_locked(home):
                return ours
            ours.send_signal(signal.SIGCONT)
        finish(ours)
    raise Complaint("no process of ours could be paused while it holds the lock")


def is_locked(home):
    with open(home.path / "auth.lock", "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def has_open(pid, home):
    """Whether a process has the lock file open."""
    lock = str(home.path / "auth.lock")
    try:
        return any(os.readlink(file) == lock for file in os.scandir(f"/proc/{pid}/fd"))
    except OSError:
        return False


def await_place_in_line(pid):
    """Returns once the system has a process wait for a lock: it marks such lines of /proc/locks with an arrow."""
    def stands_in_line():
        lines = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
        return any("->" in line and f" {pid} " in line for line in lines)

    await_so(stands_in_line, "nobody waits for the lock")


def await_tries(pid, home):
    """Returns once a process has the lock file open and has slept at least three times since: it waits for the lock."""
    await_so(lambda: has_open(pid, home), "the lock was not waited for: nobody has its file open")
    begun = pauses(pid)
    await_so(lambda: pauses(pid) >= begun + 3, "nobody tried the lock again")


def pauses(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        raise Complaint("a process ended that should wait for the lock") from None
    return int(next(line for line in status.splitlines() if line.startswith("voluntary_ctxt_switches")).split()[1])


def await_so(holds, complaint):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        check(time.monotonic() < deadline, complaint)
        time.sleep(0.005)


# --- Both at once ---

MARKS = 60  # that each Hermes makes
REPORTS = range(30, 3_000)  # that we make: as long as Hermes goes on
OURS, THEIRS, BOTH = ["k0", "k1", "k2"], ["k3", "k4", "k5"], ["k6", "k7"]


def both_write_at_once(projected):
    """Two Hermes and we write one store. Each Hermes has a provider of its own, since two that share a list overwrite
    each other's marks from memory; whatever they have acknowledged must be there in the end, and so must all of ours.
    """
    other_provider = "custom:other"
    store = keys(10)
    store["credential_pool"] |= keys(10, other_provider)["credential_pool"]
    with home_with(store) as home, hermes(home) as first, hermes(home) as second:
        home.migrate(projected)
        storms = [(first, PEER), (second, other_provider)]
        for seed, (other, provider) in enumerate(storms):
            other.ask("load", provider=provider)
            other.tell("storm", provider=provider, ids=THEIRS + BOTH, marks=MARKS, seed=seed)
        ours = our_storm(home, [PEER, other_provider], [first, second])
        for other, provider in storms:
            marks = {mark["id"]: mark for mark in other.answer()}
            home.report("k9", "--status", 429, provider=provider)
            nothing_of_ours_is_lost(home, provider, ours[provider])
            nothing_of_hermes_is_lost(home, provider, marks)
        definitions_are_whole(home, store)


def our_storm(home, providers, others):
    """Removals and reports of ours, each by a process; what is acknowledged last of each credential."""
    chosen = random.Random("ours")
    acknowledged = {provider: {} for provider in providers}
    for provider in providers:
        home.run("pool", "remove", provider, "k8")
    for provider in providers:
        for id in BOTH:
            home.dies(id, provider=provider)
    for number in range(REPORTS.stop):
        if number >= REPORTS.start and all(other.has_answered() for other in others):
            break
        provider, id = chosen.choice(providers), chosen.choice(OURS)
        message = f"report {number} of ours"
        # Each rest ends later than the one before, so that it counts.
        home.report(id, "--status", 429, "--reset-at", in_an_hour() + number, "--message", message, provider=provider)
        acknowledged[provider][id] = message
    else:
        raise Complaint(f"Hermes goes on after {REPORTS.stop} reports of ours")
    return acknowledged


def nothing_of_ours_is_lost(home, provider, acknowledged):
    for id, message in acknowledged.items():
        equal(home.record(id, provider).get("last_error", {}).get("message"), message, f"our last report on {provider} {id}")
    home.expect({id: "dead" for id in BOTH}, f"whom we saw die, whatever Hermes marked later ({provider})", provider)
    # Hermes still remembered it, and wrote it back; the next write of ours took it out again.
    equal(home.record("k8", provider).get("status"), "removed", f"the removal of {provider} k8")
    equal(home.entry("k8", provider), None, f"the removal of {provider} k8")


def nothing_of_hermes_is_lost(home, provider, marks):
    for id in set(THEIRS) & set(marks):
        record = home.record(id, provider)
        equal(record.get("last_error", {}).get("message"), marks[id]["message"], f"the last mark of Hermes on {provider} {id}")


def definitions_are_whole(home, before):
    equal(secrets(home.json()), secrets(before), "the credentials after both wrote")


def secrets(store):
    return {
        provider: {entry["id"]: entry["access_token"] for entry in entries if entry["id"] != "k8"}
        for provider, entries in store["credential_pool"].items()
    }


def a_mark_that_we_merged_outlives_a_stale_memory():
    with home_with(keys(4)) as home, hermes(home) as first, hermes(home) as second:
        home.migrate(projected=False)
        for other in (first, second):
            other.ask("load", provider=PEER)
        first.ask("mark", provider=PEER, id="k0", status=429)
        second.ask("mark", provider=PEER, id="k1", status=429)
        home.expect({"k0": "ok", "k1": "exhausted"}, "what Hermes loses of itself, with no write of ours in between")
        first.ask("mark", provider=PEER, id="k0", status=429)
        home.report("k3", "--status", 429)
        second.ask("mark", provider=PEER, id="k2", status=429)
        home.expect({"k0": "exhausted", "k1": "exhausted", "k2": "exhausted"}, "with a write of ours in between")


# --- Running ---

CHECKS = [
    hermes_sees_in_our_layouts_what_it_saw_in_its_own,
    we_see_what_hermes_wrote,
    a_profile_sees_what_hermes_sees_there,
    hermes_in_a_profile_passes_over_what_a_profile_of_ours_saw_die,
    hermes_copies_what_it_marks_to_the_profile,
    hermes_keeps_what_we_took_in,
    hermes_leaves_out_what_we_removed,
    hermes_passes_over_what_we_show_it,
    a_new_secret_is_picked_again,
    what_we_do_not_show_hermes_picks_fails_and_marks,
    we_wait_for_the_lock_of_hermes,
    hermes_waits_for_our_lock,
    a_mark_that_we_merged_outlives_a_stale_memory,
]
CHECKS_IN_BOTH_LAYOUTS = [
    hermes_keeps_our_sections,
    marks_of_hermes_are_read,
    nulls_and_oks_of_hermes_revive_nobody,
    a_reset_by_hermes_clears_what_only_it_has_marked,
    a_list_that_hermes_changed_is_read,
    a_login_that_hermes_renewed_is_back,
    both_write_at_once,
]


def passes(check, **arguments):
    name = " ".join([check.__name__.replace("_", " "), *(["(projected)"] if arguments.get("projected") else [])])
    begun = time.monotonic()
    try:
        check(**arguments)
    except Complaint as complaint:
        print(f"FAILED  {name}\n{complaint}")
        return False
    print(f"ok      {name} ({time.monotonic() - begun:.1f} s)", flush=True)
    return True


def main():
    results = [passes(check) for check in CHECKS]
    results += [passes(check, projected=projected) for check in CHECKS_IN_BOTH_LAYOUTS for projected in BOTH_LAYOUTS]
    failed = results.count(False)
    sys.exit(f"hermes-peer: {failed} of {len(results)} checks failed" if failed else 0)


if __name__ == "__main__":
    main()
