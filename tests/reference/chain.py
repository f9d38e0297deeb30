#!/usr/bin/env python3
"""An independent auditor: proves a chain from its bytes alone, as chain/FORMAT.md says.

Shares no line with the program. Needs the standard library and `cryptography`.

    chain.py DIR [--community HEX] [--tip HEX]

Prints pairs, signatures and the tip; exits 0 when every byte is proved, 1 when one is not.
"""

import argparse
import hashlib
import pathlib
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TAGS = "genesis contract-id contract profile record contract-block ledger-block approve ledger-vote batch leaf node"
TAG = {name: bytes([len(f"gridpact/1/{name}")]) + f"gridpact/1/{name}".encode() for name in TAGS.split()}
GENESIS, PAIR, VOTE, RESERVATION, PROOF, COMMIT, CLOSED, OPEN, MARK, ORDER = range(1, 11)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


class Bad(Exception):
    """Something is not proved."""


def need(holds, what):
    if not holds:
        raise Bad(what)


# --- bytes: MessagePack in its one canonical form ---
UINT, INT = list(zip(range(0xCC, 0xD0), "BHIQ")), list(zip(range(0xD0, 0xD4), "bhiq"))
SIZED = {bytes: (0, 0, "\xc4\xc5\xc6"), str: (0xA0, 32, "\xd9\xda\xdb"),
         list: (0x90, 16, "\0\xdc\xdd"), dict: (0x80, 16, "\0\xde\xdf")}
MARKS = {ord(mark): (kind, form) for kind, (_, _, marks) in SIZED.items() for mark, form in zip(marks, "BHI")}


def pack(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        if -32 <= value < 128:
            return struct.pack("b", value)
        bits = [8, 16, 32, 64] if value >= 0 else [7, 15, 31, 63]
        mark, form = next(m for m, n in zip(UINT if value >= 0 else INT, bits) if -(2**n) <= value < 2**n)
        return struct.pack(">B" + form, mark, value)
    (fix, small, marks), n = SIZED[type(value)], len(value.encode() if isinstance(value, str) else value)
    if n < small:
        head = bytes([fix + n])
    else:
        mark, form = next((m, f) for m, f, top in zip(marks, "BHI", (8, 16, 32)) if m != "\0" and n < 2**top)
        head = struct.pack(">B" + form, ord(mark), n)
    if isinstance(value, (bytes, str)):
        return head + (value.encode() if isinstance(value, str) else value)
    return head + b"".join(map(pack, value if isinstance(value, list) else [x for pair in value.items() for x in pair]))


def unpack(data, what):
    """The value of `data`, which must be its canonical form to the last byte."""
    rest = data

    def take(n):
        nonlocal rest
        need(n <= len(rest), f"{what} is cut short")
        taken, rest = rest[:n], rest[n:]
        return taken

    def one(depth):
        need(depth < 16, f"{what} is nested too deeply")
        b = take(1)[0]
        if b < 0x80 or b >= 0xE0:
            return b if b < 0x80 else b - 256
        if b in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[b]
        if b in dict(UINT + INT):
            form = ">" + dict(UINT + INT)[b]
            return struct.unpack(form, take(struct.calcsize(form)))[0]
        if b in MARKS and b:
            kind, form = MARKS[b]
            n = struct.unpack(">" + form, take(struct.calcsize(form)))[0]
        else:
            need(b < 0xC0, f"{what} holds a form that is not used: {b:#x}")
            kind, n = next((kind, b - fix) for kind, (fix, small, _) in SIZED.items() if small and fix <= b < fix + small)
        if kind in (bytes, str):
            return take(n) if kind is bytes else take(n).decode()
        return [one(depth + 1) for _ in range(n)] if kind is list else {one(depth + 1): one(depth + 1) for _ in range(n)}

    value = one(0)
    need(not rest and pack(value) == data, f"{what} is not in canonical form")
    return value


# --- signatures: strict Ed25519 ---
def point(data):
    """The point these bytes stand for, or none."""
    y, sign = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (v * x * x - u) % P or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x, y)


def times(k, p):
    def add(a, b):
        m = D * a[0] * b[0] * a[1] * b[1] % P
        return ((a[0] * b[1] + a[1] * b[0]) * pow(1 + m, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - m, -1, P) % P)
    out = (0, 1)
    for bit in bin(k)[2:]:
        out = add(out, out)
        out = add(out, p) if bit == "1" else out
    return out


def is_key(data):
    p = point(data)
    return p is not None and times(8, p) != (0, 1) and times(L, p) == (0, 1)


def is_signed(key, message, signature):
    r = point(signature[:32])
    if r is None or times(8, r) == (0, 1) or int.from_bytes(signature[32:], "little") >= L:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except InvalidSignature:
        return False


# --- files ---
CRC = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    CRC.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 0xFF]
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def groups(path, number, running, height):
    """Each group of one file, when its Commit has proved it: frames, running hash, bytes so far."""
    data, at, group, since, count = path.read_bytes(), 0, [], hashlib.sha256(b"gridpact/1/log" + running), 0
    while at < len(data):
        where, head = f"{path.name}, byte {at}", data[at:at + 17]
        need(len(data) - at >= 25 and head[:4] == b"GPF1" and crc32c(head) == data[at + 17:at + 21], f"{where}: no frame")
        kind, length, own = struct.unpack("<BIQ", head[4:])
        whole = data[at:at + 25 + length]
        payload = whole[21:-4]
        need(len(whole) == 25 + length and length <= 16 << 20 and crc32c(payload) == whole[-4:], f"{where}: damaged")
        need((at == 0) == (kind == OPEN) and 1 <= kind <= 10, f"{where}: a frame of kind {kind}")
        need(kind != OPEN or payload == struct.pack("<I", number) + running, f"{where}: does not continue")
        at += len(whole)
        if kind == COMMIT:
            running = since.digest()
            need(payload == struct.pack("<QQ", count, height) + running and own == height, f"{where}: Commit")
            yield group, running, at, height
            group, since, count = [], hashlib.sha256(b"gridpact/1/log" + running), 0
            continue
        if kind == CLOSED:
            need(not group and payload[:32] == since.digest() and own == height, f"{where}: end frame")
            yield [(CLOSED, own, payload[32:])], running, at, height
        elif kind != OPEN:
            group.append((kind, own, payload))
        since.update(whole)
        count, height = count + 1, max(height, own)
    need(not group, f"{path.name} ends within a group")


def records(folder):
    """All frames in order; those of the proof file where the log's Mark pins them."""
    names = sorted(p.name for p in folder.iterdir() if not p.name.endswith(".damaged"))
    last = len(names) // 2
    need(last > 0 and names == sorted(f"{n:04}.{x}" for n in range(1, last + 1) for x in ("log", "proof")), "other files")
    ends, end = {"log": (bytes(32), 0), "proof": (bytes(32), 0)}, None
    for number in range(1, last + 1):
        paths = {kind: folder / f"{number:04}.{kind}" for kind in ends}
        proofs, end, pinned = groups(paths["proof"], number, *ends["proof"]), None, 0
        for group, running, _, height in groups(paths["log"], number, *ends["log"]):
            ends["log"] = (running, height)
            end = group[0][2] if group and group[0][0] == CLOSED else None
            for mark in [payload for kind, _, payload in group if kind == MARK]:
                inner, running, pinned, height = next(proofs, (None, None, None, None))
                need(inner is not None and mark == struct.pack("<Q", pinned) + running, f"{number:04}.proof: not as pinned")
                ends["proof"] = (running, height)
                group = group + inner
            yield from (frame for frame in group if frame[0] not in (MARK, CLOSED))
        need(pinned in (0, paths["proof"].stat().st_size) and next(proofs, None) is None, f"{number:04}.proof: more than pinned")
    need(end is not None, "the end frame is missing")
    yield CLOSED, 0, end


# --- the chain ---
def audit(folder):
    genesis, pairs, proofs, tip = None, [], {}, None
    for kind, height, payload in records(folder):
        if kind == CLOSED:
            tip = payload
            continue
        value = unpack(payload, f"record of kind {kind} at height {height}")
        if kind == GENESIS:
            need(genesis is None, "a second founding document")
            genesis, founding = value, payload
        elif kind == PAIR:
            pairs.append(value)
        elif kind == PROOF and "Admitted" in value:
            need(proofs.setdefault(height, [value["Admitted"], None])[0] is value["Admitted"], f"height {height}: two proofs")
        elif kind == PROOF:
            need(height in proofs and proofs[height][1] is None, f"height {height} is closed twice or unknown")
            proofs[height][1] = value["Closed"]
    need(genesis is not None and len(proofs) == len(pairs), "genesis or proofs are missing")
    community = hashlib.sha256(TAG["genesis"] + founding).digest()

    def digest(tag, *parts):
        return hashlib.sha256(TAG[tag] + community + b"".join(parts)).digest()

    members, price_max, cap = {m[0]: m for m in genesis[3]}, genesis[8][0], genesis[11]
    need(genesis[0] == 1 and list(members) == sorted(members) and len(members) == len(genesis[3]), "members")
    need(all(is_key(m[2]) for m in genesis[3]) and len({m[2] for m in genesis[3]}) == len(members), "a key is weak or shared")
    voters = {m[0] for m in genesis[3] if m[5]}
    quorum = {"Majority": len(voters) // 2, "TwoThirds": len(voters) * 2 // 3}[genesis[4]] + 1
    held, used, signed, below = {}, set(), 0, (community, community, 0)

    def check(party, message, signature, what):
        nonlocal signed
        signed += 1
        need(party in members and is_signed(members[party][2], message, signature), f"height {height}: {what} of {party}")

    def check_votes(data, tag, words, what):
        registry, signatures = unpack(data, what)
        ids = [voter for voter, _ in signatures]
        need(registry == 0 and ids == sorted(set(ids)) and len(ids) >= quorum and voters.issuperset(ids), f"height {height}: {what}")
        message = digest(tag, pack(words + [registry]))
        for voter, signature in signatures:
            check(voter, message, signature, what)

    for height, (contract, ledger) in enumerate(pairs, 1):
        version, own, prev, time, registry, record = unpack(contract, f"contract block {height}")
        body, *signatures = unpack(record, f"record {height}")["Contract"]
        name, cid, _, buyer, seller, start, end, energy, _, price, amount, short, surplus, until = body
        message = digest("contract", pack(body))
        need((version, own, prev, registry) == (1, height, below[0], 0) and time >= below[2], f"height {height}: contract link")
        exact, rest = divmod(energy * price, 1000)
        exact += rest > 500 or rest == 500 and exact % 2
        need(name == community and buyer != seller and start < end and energy > 0 and exact == amount and time <= until
             and abs(price) <= price_max and max(abs(short), abs(surplus)) <= cap and cid not in used, f"height {height}: terms")
        used.add(cid)
        for party, signature in zip((buyer, seller), signatures):
            check(party, message, signature, "signature")
            need(time <= members[party][7], f"height {height}: membership of {party} has ended")
        held[buyer], held[seller] = held.get(buyer, 0) - amount, held.get(seller, 0) + amount
        need(max(map(abs, (held[buyer], held[seller]))) < 2**63, f"height {height}: overflow")
        level = [digest("leaf", pack([k, held[k]])) for k in sorted(held)] if height % 256 == 0 else []
        while len(level) > 1:
            level = [digest("node", *level[i:i + 2]) if level[i + 1:] else level[i] for i in range(0, len(level), 2)]
        hashed = digest("contract-block", contract)
        entries = [[buyer, -amount, held[buyer]], [seller, amount, held[seller]]]
        expected = [1, height, below[1], hashed, entries, level[0] if level else None]
        need(unpack(ledger, f"ledger block {height}") == expected, f"height {height}: ledger block")
        below = (hashed, digest("ledger-block", ledger), time)
        (approvals, (head, position, order)), votes = proofs.pop(height)
        check_votes(approvals, "approve", [cid, message, "Yes"], "approvals")
        index, batch_time, items = unpack(head, f"batch of {height}")
        need(items[position:position + 1] == [digest("record", record)] and batch_time == time, f"height {height}: order")
        check(genesis[5], digest("batch", head), order["Sequencer"], "order")
        if votes is not None:
            check_votes(votes, "ledger-vote", [height, below[1]], "ledger votes")
    need(sum(held.values()) == 0 and tip == below[1], "the tip is not the one that the end frame names")
    return community.hex(), len(pairs), signed, below[1].hex()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--community")
    parser.add_argument("--tip")
    given = parser.parse_args()
    folder = given.folder / "chain" if (given.folder / "chain").is_dir() else given.folder
    try:
        community, pairs, signed, tip = audit(folder)
        need(given.community in (None, community), f"the community is {community}")
        need(given.tip in (None, tip), f"the tip is {tip}")
    except (Bad, OSError, ValueError, KeyError, TypeError, struct.error) as error:
        print(f"not proved: {error}")
        return 1
    print(f"proved: {pairs} pairs, {signed} signatures, community {community}, tip {tip}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
