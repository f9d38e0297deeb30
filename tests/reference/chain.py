#!/usr/bin/env python3
"""An independent auditor: proves a chain from its bytes alone, as chain/FORMAT.md says.

Shares no line with the program; needs the standard library and `cryptography`. Prints pairs, signatures
and the tip; exits 0 when every byte is proved, 1 when one is not.    chain.py DIR [COMMUNITY [TIP]]
"""
import fractions, functools, hashlib, io, pathlib, struct, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
GENESIS, PAIR, VOTE, RESERVATION, PROOF, COMMIT, CLOSED, OPEN, MARK, ORDER = range(1, 11)
PLAIN = {None: b"\xc0", False: b"\xc2", True: b"\xc3"}
# What has a length: the mark of the short form, how many it holds, the mark before those with 1, 2, 4 bytes.
SIZED = {bytes: (0, 0, 0xC4), str: (0xA0, 32, 0xD9), list: (0x90, 16, 0xDB), dict: (0x80, 16, 0)}
CRC = [functools.reduce(lambda n, _: n >> 1 ^ (0x82F63B78 if n & 1 else 0), range(8), n) for n in range(256)]
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def need(holds, what):
    if not holds:
        raise ValueError(what)

def pack(value):
    """The one canonical form of a value in MessagePack."""
    kind = type(value)
    if value is None or kind is bool or kind is int and -32 <= value < 128:
        return struct.pack("b", value) if kind is int else PLAIN[value]
    if kind is int:
        i = next(i for i in range(4) if -(1 << (8 << i) - 1) <= value < 1 << (8 << i))
        return bytes([(0xCC if value > 0 else 0xD0) + i]) + value.to_bytes(1 << i, "big", signed=value < 0)
    parts = b"".join(map(pack, value if kind is list else sum(value.items(), ()))) if kind in (list, dict) else b""
    inner = parts or (value.encode() if kind is str else value or b"")
    n, (fix, small, mark) = len(value if parts else inner), SIZED[kind]
    i = (n > 255 or kind is list) + (n > 65535)
    return (bytes([fix + n]) if n < small else bytes([mark + i]) + n.to_bytes(1 << i, "big")) + inner

def unpack(data, what):
    """The value of `data`, which must be its canonical form to the last byte: what is cut short packs otherwise."""
    def one(depth):
        need(depth <= 16, f"{what} is nested too deeply")
        mark = read(1)[0]
        if mark < 0x80 or mark >= 0xE0:
            return mark if mark < 0x80 else mark - 256
        if 0xCC <= mark <= 0xD3:
            return int.from_bytes(read(1 << (mark & 3)), "big", signed=mark >= 0xD0)
        for kind, (fix, small, long) in SIZED.items():
            if fix <= mark < fix + small or long <= mark < long + 3:
                n = mark - fix if mark < fix + small else int.from_bytes(read(1 << mark - long), "big")
                if kind in (bytes, str):
                    return read(n) if kind is bytes else read(n).decode()
                return [one(depth + 1) for _ in range(n)] if kind is list else {one(depth): one(depth + 1) for _ in range(n)}
        return {form[0]: plain for plain, form in PLAIN.items()}[mark]
    read = io.BytesIO(data).read
    value = one(0)
    need(pack(value) == data, f"{what} is not in canonical form")
    return value

def point(data):
    """The point of the curve that these bytes stand for, or none."""
    y, sign = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    x = x if (v * x * x - u) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    is_written_so = y < P and (v * x * x - u) % P == 0 and (x or not sign)
    return (x if x & 1 == sign else P - x, y) if is_written_so else None

def add(a, b):
    m = D * a[0] * b[0] * a[1] * b[1] % P
    return ((a[0] * b[1] + a[1] * b[0]) * pow(1 + m, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - m, -1, P) % P)

def times(k, p):
    return functools.reduce(lambda out, bit: add(add(out, out), p) if bit == "1" else add(out, out), bin(k)[2:], (0, 1))

def is_large(data):
    return point(data) is not None and times(8, point(data)) != (0, 1)

def is_key(data):
    return is_large(data) and times(L, point(data)) == (0, 1)

def is_signed(key, message, signature):
    """Strictly, by a key that `is_key`. `cryptography` checks the equation, and only that."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return is_large(signature[:32]) and int.from_bytes(signature[32:], "little") < L
    except InvalidSignature:
        return False

def crc32c(data):
    return struct.pack("<I", functools.reduce(lambda crc, n: crc >> 8 ^ CRC[(crc ^ n) & 255], data, 2**32 - 1) ^ 2**32 - 1)

def groups(paths):
    """The groups of a row of files, each when its Commit has proved it: frames, running hash, bytes of the file so far."""
    running, height = bytes(32), 0
    for number, path in enumerate(paths, 1):
        data, at, group, since, count = path.read_bytes(), 0, [], hashlib.sha256(b"gridpact/1/log" + running), 0
        while at == 0 or any(memoryview(data)[at:]):  # Zeros may follow the last group: room made ready.
            where, (magic, kind, length, own, check) = f"{path.name}, byte {at}", struct.unpack_from("<4sBIQ4s", data, at)
            need(magic == b"GPF1" and crc32c(data[at:at + 17]) == check and length <= 16 << 20, f"{where}: no frame")
            whole, is_first, at = data[at:at + 25 + length], at == 0, at + 25 + length
            payload, due = whole[21:-4], since.digest()
            need(at <= len(data) and crc32c(payload) == whole[-4:], f"{where}: damaged or cut off")
            need(is_first == (kind == OPEN) and kind in range(1, 11), f"{where}: not at its place")
            need(kind != OPEN or payload == struct.pack("<I", number) + running, f"{where}: does not continue")
            if kind == COMMIT:
                need(payload == struct.pack("<QQ", count, height) + due and own == height, f"{where}: Commit")
                yield group, due, at
                running, group, since, count = due, [], hashlib.sha256(b"gridpact/1/log" + due), 0
                continue
            since.update(whole)
            count, height = count + 1, max(height, own)
            if kind == CLOSED:
                need(not group and payload[:32] == due and own == height, f"{where}: end frame")
                yield [(CLOSED, own, payload[32:])], due, at
            elif kind != OPEN:
                group.append((kind, own, payload))
        need(not group, f"{path.name} ends within a group")

def frames(folder):
    """All frames in order; those of the proof file where the log's Mark pins them; the end frame last."""
    names = sorted(p.name for p in folder.iterdir() if not p.name.endswith(".damaged"))
    logs, beside = ([f"{n:04}.{kind}" for n in range(1, len(names) // 2 + 1)] for kind in ("log", "proof"))
    need(names and names == sorted(logs + beside), "the files are not 0001.log, 0001.proof and so on")
    proofs, end = groups(folder / name for name in beside), []
    for group, _, _ in groups(folder / name for name in logs):
        end = [frame for frame in group if frame[0] == CLOSED]
        for mark in [payload for kind, _, payload in group if kind == MARK]:
            inner, running, at = next(proofs, ([], b"", 0))
            need(mark == struct.pack("<Q", at) + running, "the proofs are not as the log pins them")
            group = group + inner
        yield from (frame for frame in group if frame[0] not in (MARK, CLOSED))
    need(end and next(proofs, None) is None, "the end frame is missing, or there are more proofs than the log pins")
    yield end[0]

def changed(members, sequencer, operator, change):
    """The members after a change, who orders, who signs changes. Evidence of a misdeed is left to those who voted on it."""
    members, ((name, content),) = dict(members), change.items()
    who, *new = content if isinstance(content, list) else [content]
    if name == "Add":
        need(is_key(new[1]), "a key is weak")
        members[who] = content
    elif name in ("Remove", "Exclude"):
        need(who in members and who != sequencer, "who orders cannot leave")
        del members[who]
    elif name == "ReplaceKey":
        need(is_key(new[0]), "a key is weak")
        members[who] = members[who][:2] + new + members[who][4:]
    elif name == "SetVoter":
        members[who] = members[who][:5] + new + members[who][6:]
    need(len({m[2] for m in members.values()}) == len(members) and any(m[5] for m in members.values()), "a shared key or no voter")
    return members, members[who][0] if name == "SetSequencer" else sequencer, who if name == "SetOperator" else operator

def audit(rows):
    found, proofs, community = {kind: [] for kind in range(11)}, {}, b""
    for kind, height, payload in rows:
        found[kind].append((height, payload if kind == CLOSED else unpack(payload, f"kind {kind} at height {height}")))
    ((_, genesis),), ((_, tip),) = found[GENESIS], found[CLOSED]
    for height, part in found[PROOF]:
        ((name, content),) = part.items()
        need(proofs.setdefault(height, {}).setdefault(name, content) is content, f"height {height}: two proofs")

    def digest(tag, *parts):
        return hashlib.sha256(bytes([len(tag) + 11]) + b"gridpact/1/" + tag.encode() + community + b"".join(parts)).digest()
    def check(members, message, signatures, what):
        nonlocal signed
        for signed, (party, signature) in enumerate(signatures, signed + 1):
            need(party in members and is_signed(members[party][2], message, signature), f"height {height}: {what} of {party}")
    def check_votes(data, rule, oldest, tag, words, what):
        version, signatures = unpack(data, what)
        need(oldest <= version < len(versions), f"height {height}: {what} by version {version} of the members")
        voters, ids = {m[0] for m in versions[version][0].values() if m[5]}, [voter for voter, _ in signatures]
        quorum = len(voters) * {"Majority": 3, "TwoThirds": 4}[rule] // 6 + 1
        need(ids == sorted(set(ids)) and len(ids) >= quorum and voters.issuperset(ids), f"height {height}: {what}")
        check(versions[version][0], digest(tag, pack(words + [version])), signatures, what)
        return versions[version][0]
    community, members, limits, cap = digest("genesis", pack(genesis)), {m[0]: m for m in genesis[3]}, genesis[8], genesis[11]
    need(genesis[0] == 1 and [m[0] for m in genesis[3]] == sorted(members), "members")
    need(all(map(is_key, {m[2] for m in genesis[3]})) and len({m[2] for m in genesis[3]}) == len(members), "a key is weak or shared")
    # Each version: members, who orders, who signs changes; first height and first batch.
    versions, highest = [(members, genesis[5], genesis[2], 0, 0)], max(members)
    held, used, signed, below = {}, {}, 0, (community, community, 0)
    for height, (at, (contract, ledger)) in enumerate(found[PAIR], 1):
        version, own, prev, time, registry, record = unpack(contract, f"contract block {height}")
        ((kind, content),), now, proof, rule = unpack(record, f"record {height}").items(), len(versions) - 1, proofs.pop(height), genesis[4]
        need((at, own, prev, registry) == (height, height, below[0], now) and time >= below[2], f"height {height}: link")
        approvals, (head, position, order) = proof["Admitted"]
        batch, batch_time, items = unpack(head, f"batch of {height}")
        if kind == "Membership":
            number, change, signature = content
            cid = message = digest("membership", pack([number, change]))
            need(number == now + 1 and ("Exclude" in change) == (signature is None), f"height {height}: change of the members")
            need(signature is None or is_signed(versions[now][2], message, signature), f"height {height}: the operator's signature")
            need("Add" not in change or change["Add"][0] > highest, f"height {height}: a number that was used")
            highest = max(highest, *change["Add"][:1]) if "Add" in change else highest
            rule, oldest, entries = "TwoThirds" if "SetOperator" in change else rule, now, []
            versions.append((*changed(*versions[now][:3], change), height + 1, batch + 1))
        else:
            body, buyer_sig, seller_sig = content
            name, cid, _, buyer, seller, start, end, energy, _, price, amount, short, surplus, until = body
            message, members = digest("contract", pack(body)), versions[now][0]
            need(name == community and buyer != seller and start < end and energy > 0 and used.setdefault(cid, height) == height
                 and amount == round(fractions.Fraction(energy * price, 1000)) and abs(price) <= limits[0]  # half to even
                 and max(abs(short), abs(surplus)) <= cap and time <= min(until, members[buyer][7], members[seller][7]), f"height {height}: terms")
            held[buyer], held[seller] = held.get(buyer, 0) - amount, held.get(seller, 0) + amount
            entries = [[buyer, -amount, held[buyer]], [seller, amount, held[seller]]]
            oldest = min(v for v in range(now + 1) if v == now or height - versions[v + 1][3] < limits[5])
        approving = check_votes(approvals, rule, oldest, "approve", [cid, message, "Yes"], "approvals")
        if kind != "Membership":
            check(approving, message, [(buyer, buyer_sig), (seller, seller_sig)], "signature")
        level = [digest("leaf", pack([k, held[k]])) for k in sorted(held)] if height % 256 == 0 else [None]
        while len(level) > 1:
            level = [digest("node", *level[i:i + 2]) if level[i + 1:] else level[i] for i in range(0, len(level), 2)]
        hashed, own = digest("contract-block", contract), 2 if kind == "Membership" else 1
        need(version == own and ledger == pack([own, height, below[1], hashed, entries, level[0]]) and
             max(map(abs, held.values())) < 2**63, f"height {height}: ledger block")
        below = (hashed, digest("ledger-block", ledger), time)
        need(items[position:position + 1] == [digest("record", record)] and batch_time == time, f"height {height}: order")
        members, sequencer, *_ = [version for version in versions if version[4] <= batch][-1]
        check(members, digest("batch", head), [(sequencer, order["Sequencer"])], "order")
        if "Closed" in proof:
            check_votes(proof["Closed"], genesis[4], now, "ledger-vote", [height, below[1]], "ledger votes")
    need(not proofs and sum(held.values()) == 0 and tip == below[1], "the tip is not the one that the end frame names")
    return len(found[PAIR]), signed, community.hex(), below[1].hex()

def main(folder, *anchor):
    inner = pathlib.Path(folder) / "chain"
    try:
        pairs, signed, *own = audit(frames(inner if inner.is_dir() else inner.parent))
        need(all(given == found for given, found in zip(anchor, own)), f"community and tip are {own}")
    except Exception as error:  # Whatever is not as it must be is not proved.
        return f"not proved: {error!r}"
    print(f"proved: {pairs} pairs, {signed} signatures, community {own[0]}, tip {own[1]}")

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
