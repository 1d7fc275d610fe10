"""The steps of .ci/hermes-peer that need Python.

    see                   print what Hermes loads from the auth.json of its home, as JSON
    same LEGACY MIGRATED  compare two outputs of `see`
    mark                  let Hermes mark credentials of the auth.json of its home
    kept BEFORE AFTER     compare our sections of two auth.json files
    merged LIST           check an output of `pool list --json` after `mark`

All secrets here are the made-up ones of the test data.
"""

import json
import logging
import os
import socket
import sys
import time
from pathlib import Path

OUR_SECTIONS = ["credential_pool_runtime", "credential_pool_compat"]
TRANSIENT_KEYS = {
    "last_status",
    "last_status_at",
    "last_error_code",
    "last_error_reason",
    "last_error_message",
    "last_error_reset_at",
    "request_count",
}
# What `merged` expects: two marks that Hermes makes in `mark`, and a verdict that was there before the migration.
EXPECTED = {
    ("openrouter", "0f0f0f"): "exhausted",
    ("openai-codex", "7db7c3"): "exhausted",
    ("openai-codex", "9de82c"): "dead",
}


class Network:
    """Refuses every connection and remembers the attempts."""

    def __init__(self):
        self.attempts = []
        socket.socket.connect = self.refuse
        socket.socket.connect_ex = self.refuse
        socket.create_connection = self.refuse
        socket.getaddrinfo = self.refuse

    def refuse(self, *arguments, **_):
        self.attempts.append(repr(arguments))
        raise OSError("this check is offline")

    def expect_untouched(self):
        check(not self.attempts, f"Hermes reached for the network: {self.attempts}")


class Warnings(logging.Handler):
    """Keeps what Hermes logs at warning or above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []
        logging.getLogger().addHandler(self)

    def emit(self, record):
        self.messages.append(f"{record.levelname} {record.name}: {record.getMessage()}")


def check(holds, complaint):
    if not holds:
        sys.exit(f"hermes-peer: {complaint}")


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def store():
    return Path(os.environ["HERMES_HOME"]) / "auth.json"


def see():
    network, warnings = Network(), Warnings()
    from agent.credential_pool import load_pool

    stored = read(store())["credential_pool"]
    credentials = {provider: seen(load_pool(provider), entries) for provider, entries in stored.items()}
    network.expect_untouched()
    json.dump({"credentials": credentials, "warnings": warnings.messages}, sys.stdout, indent=2)


def seen(pool, stored):
    return [definition(credential, {entry["id"] for entry in stored}) for credential in pool.entries()]


def definition(credential, stored_ids):
    """All that Hermes knows of a credential save its status. A random id that Hermes gave to it is left out."""
    fields = {key: value for key, value in vars(credential).items() if key not in TRANSIENT_KEYS}
    if credential.id not in stored_ids:
        del fields["id"]
    return fields


def same(legacy, migrated):
    legacy, migrated = read(legacy), read(migrated)
    check(not migrated["warnings"], f"Hermes warned about the migrated store: {migrated['warnings']}")
    for provider in legacy["credentials"].keys() | migrated["credentials"].keys():
        before, after = (seen["credentials"].get(provider) for seen in (legacy, migrated))
        check(before == after, f"Hermes sees another {provider}:\n  legacy   {before}\n  migrated {after}")
        check(after, f"Hermes sees no credential of {provider}")


def mark():
    network = Network()
    from agent.credential_pool import load_pool

    # Beside this key, openrouter has only one whose variable is unset: nothing that Hermes would rotate to or refresh.
    pool = load_pool("openrouter")
    pool.mark_exhausted_and_rotate(status_code=429, error_context=rate_limit(), api_key_hint=token(pool, "0f0f0f"))

    # Marking without rotating, since the next login has expired and would be refreshed over the network. It rewrites
    # the entry of the dead login too, with nulls for a status.
    pool = load_pool("openai-codex")
    pool._mark_exhausted(by_id(pool, "7db7c3"), 429, rate_limit())

    network.expect_untouched()
    check_written("openrouter", "0f0f0f", "exhausted")
    check_written("openai-codex", "7db7c3", "exhausted")
    check_written("openai-codex", "9de82c", None)


def rate_limit():
    return {"reason": "rate_limit_exceeded", "message": "slow down", "reset_at": time.time() + 3600}


def by_id(pool, wanted):
    return next(entry for entry in pool.entries() if entry.id == wanted)


def token(pool, wanted):
    return by_id(pool, wanted).access_token


def check_written(provider, wanted, status):
    entry = next(entry for entry in read(store())["credential_pool"][provider] if entry["id"] == wanted)
    check(entry["last_status"] == status, f"Hermes wrote {entry['last_status']} for {provider} {wanted}, not {status}")


def kept(before, after):
    before, after = read(before), read(after)
    check(before != after, "Hermes wrote nothing")
    check("credential_pool_runtime" in before, "the migrated store has no credential_pool_runtime")
    for section in OUR_SECTIONS:
        check((section in before) == (section in after), f"{section} came or went")
        # As text, so that key order, 1 and 1.0, and true and 1 are told apart.
        check(json.dumps(before.get(section)) == json.dumps(after.get(section)), f"Hermes changed {section}")


def merged(listed):
    statuses = {
        (provider["provider"], credential["id"]): credential["status"]
        for provider in read(listed)["providers"]
        for credential in provider["credentials"]
    }
    for credential, status in EXPECTED.items():
        check(statuses.get(credential) == status, f"{credential} is {statuses.get(credential)}, not {status}")


STEPS = {step.__name__: step for step in (see, same, mark, kept, merged)}

if __name__ == "__main__":
    STEPS[sys.argv[1]](*sys.argv[2:])
