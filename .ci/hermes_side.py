"""One Hermes Agent process, told what to do.

Reads one command a line from standard input, as JSON: {"do": NAME, ...}, and answers one line each: {"answer": ...} or
{"error": ...}. Pools stay loaded between commands, as in a Hermes that runs for days. At the end of the input it says
what Hermes warned of, and whether it reached for the network.
"""

import json
import logging
import random
import socket
import sys
import time
import traceback

TRANSIENT_KEYS = {
    "last_status",
    "last_status_at",
    "last_error_code",
    "last_error_reason",
    "last_error_message",
    "last_error_reset_at",
    "request_count",
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


class Warnings(logging.Handler):
    """Keeps what Hermes logs at warning or above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []
        logging.getLogger().addHandler(self)

    def emit(self, record):
        self.messages.append(f"{record.levelname} {record.name}: {record.getMessage()}")


network, warnings = Network(), Warnings()

# Only now, so that nothing they do when they are loaded goes unseen.
from agent.credential_pool import PooledCredential, load_pool  # noqa: E402
from hermes_cli.auth import _auth_store_lock  # noqa: E402

pools = {}
held = []


def load(provider):
    """Reads a pool anew, and says what Hermes knows of each credential save its status."""
    pools[provider] = load_pool(provider)
    return [definition(credential) for credential in pools[provider].entries()]


def definition(credential):
    return {key: value for key, value in vars(credential).items() if key not in TRANSIENT_KEYS}


def statuses(provider):
    return {credential.id: credential.last_status for credential in pools[provider].entries()}


def picks(provider, count):
    """Whom Hermes would use for so many requests."""
    picked = [pools[provider].select() for _ in range(count)]
    return [credential and credential.id for credential in picked]


def mark(provider, id, status, reason=None, message=None, reset_at=None):
    """As Hermes does after a failed request, without going on to the next credential, which may need a refresh."""
    context = {"reason": reason, "message": message, "reset_at": reset_at}
    pool = pools[provider]
    credential = next(credential for credential in pool.entries() if credential.id == id)
    marked = pool._mark_exhausted(credential, status, context)
    return {"id": id, "at": marked.last_status_at, "status": marked.last_status, "message": message}


def storm(provider, ids, marks, seed):
    """Marks credentials as fast as it can; says which marks were written."""
    chosen = random.Random(seed)
    return [throttle(provider, chosen.choice(ids), number) for number in range(marks)]


def throttle(provider, id, number):
    return mark(provider, id, 429, "rate_limit_exceeded", f"mark {number} of Hermes", time.time() + 3600)


def reset(provider):
    """As `hermes auth reset` does."""
    return pools[provider].reset_statuses()


def remove(provider, id):
    ids = [credential.id for credential in pools[provider].entries()]
    return pools[provider].remove_index(ids.index(id) + 1).id


def add(provider, **fields):
    return pools[provider].add_entry(PooledCredential.from_dict(provider, fields)).id


def lock():
    """Returns once Hermes holds the lock of the store."""
    guard = _auth_store_lock()
    guard.__enter__()
    held.append(guard)


def unlock():
    held.pop().__exit__(None, None, None)


COMMANDS = {
    command.__name__: command
    for command in (load, statuses, picks, mark, storm, reset, remove, add, lock, unlock)
}


def obey(line):
    command = json.loads(line)
    try:
        return {"answer": COMMANDS[command.pop("do")](**command)}
    except Exception:
        return {"error": traceback.format_exc()}


def say(answer):
    print(json.dumps(answer), flush=True)


for line in sys.stdin:
    say(obey(line))
say({"answer": {"warnings": warnings.messages, "network": network.attempts}})
