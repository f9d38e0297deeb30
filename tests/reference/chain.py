#!/usr/bin/env python3
"""An independent auditor: proves a chain from its bytes alone, as chain/FORMAT.md says, with not a line of the program.
Prints pairs, signatures and the tip; exits 0 when every byte is proved, 1 when one is not: chain.py DIR [COMMUNITY [TIP]]"""
import fractions, functools, hashlib, io, pathlib, struct, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
GENESIS, PAIR, VOTE, RESERVATION, PROOF, COMMIT, CLOSED, OPEN, MARK, ORDER = range(1, 11)
PLAIN = {None: b"\xc0", False: b"\xc2", True: b"\xc3"}
SIZED = {bytes: (0, 0, 0xC4), str: (0xA0, 32, 0xD9), list: (0x90, 16, 0xDB)}  # short mark, its lengths, first long mark
CRC = [functools.reduce(lambda n, _: n >> 1 ^ (0x82F63B78 if n & 1 else 0), range(8), n) for n in range(256)]
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P

def need(holds, what):
    if not holds: raise ValueError(what)
def pack(value):
    """The one canonical form of a value in MessagePack; a variant with content is a tuple."""
    kind = type(value)
    if kind is tuple: return b"\x81" + pack(value[0]) + pack(value[1])
    if value is None or kind is bool or kind is int and -32 <= value < 128:
        return struct.pack("b", value) if kind is int else PLAIN[value]
    if kind is int:
        i = next(i for i in range(4) if -(1 << (8 << i) - 1) <= value < 1 << (8 << i))
        return bytes([(0xCC if value > 0 else 0xD0) + i]) + value.to_bytes(1 << i, "big", signed=value < 0)
    inner = value.encode() if kind is str else b"".join(map(pack, value)) if kind is list else value
    n, (fix, small, mark) = len(value if kind is list else inner), SIZED[kind]
    i = (n > 255 or kind is list) + (n > 65535)
    return (bytes([fix + n]) if n < small else bytes([mark + i]) + n.to_bytes(1 << i, "big")) + inner

def unpack(data, what):
    """The value of `data`, which must be its canonical form to the last byte: what is cut short packs otherwise."""
    def one(depth):
        mark = read(1)[0] if depth <= 16 else None
        if mark < 0x80 or mark >= 0xE0: return mark if mark < 0x80 else mark - 256
        if mark == 0x81: return one(depth), one(depth + 1)
        if 0xCC <= mark <= 0xD3: return int.from_bytes(read(1 << (mark & 3)), "big", signed=mark >= 0xD0)
        for kind, (fix, small, long) in SIZED.items():
            if fix <= mark < fix + small or long <= mark < long + 3:
                n = mark - fix if mark < fix + small else int.from_bytes(read(1 << mark - long), "big")
                return [one(depth + 1) for _ in range(n)] if kind is list else read(n) if kind is bytes else read(n).decode()
        return {form[0]: plain for plain, form in PLAIN.items()}[mark]
    read = io.BytesIO(data).read
    value = one(0)
    need(pack(value) == data, f"{what} is not in canonical form")
    return value

def point(data):
    y, sign = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    x = x if (v * x * x - u) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    is_written_so = y < P and (v * x * x - u) % P == 0 and (x or not sign)
    return (x if x & 1 == sign else P - x, y) if is_written_so else None
def plus(a, b):
    m = D * a[0] * b[0] * a[1] * b[1] % P
    return ((a[0] * b[1] + a[1] * b[0]) * pow(1 + m, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - m, -1, P) % P)
def times(k, p): return functools.reduce(lambda out, bit: plus(plus(out, out), p) if bit == "1" else plus(out, out), bin(k)[2:], (0, 1))
def is_large(data): return point(data) is not None and times(8, point(data)) != (0, 1)
def is_key(data): return is_large(data) and times(L, point(data)) == (0, 1)
def is_signed(key, message, signature):
    try:  # `cryptography` checks the equation, and only that
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return is_large(signature[:32]) and int.from_bytes(signature[32:], "little") < L
    except InvalidSignature: return False

def crc32c(data): return struct.pack("<I", functools.reduce(lambda crc, n: crc >> 8 ^ CRC[(crc ^ n) & 255], data, 2**32 - 1) ^ 2**32 - 1)
def groups(paths):
    """The groups of a row of files, each when its Commit has proved it: frames, running hash, bytes of the file so far."""
    running, height = bytes(32), 0
    for number, path in enumerate(paths, 1):
        data, at, group, since, count = path.read_bytes(), 0, [], hashlib.sha256(b"gridpact/1/log" + running), 0
        while at == 0 or any(memoryview(data)[at:]):  # Zeros may follow the last group: room made ready.
            where, (magic, kind, length, own, check) = f"{path.name}, byte {at}", struct.unpack_from("<4sBIQ4s", data, at)
            whole, is_first, at = data[at:at + 25 + length], at == 0, at + 25 + length
            payload, due = whole[21:-4], since.digest()
            need(magic == b"GPF1" and crc32c(whole[:17]) == check and length <= 16 << 20 and kind in range(1, 11)
                 and at <= len(data) and crc32c(payload) == whole[-4:], f"{where}: damaged or cut off")
            need(is_first == (kind == OPEN) and (not is_first or payload == struct.pack("<I", number) + running), f"{where}: does not continue")
            if kind in (COMMIT, CLOSED):
                expected = struct.pack("<QQ", count, height) + due if kind == COMMIT else due + payload[32:]
                need(payload == expected and own == height and (kind == COMMIT or not group), f"{where}: not what it ends")
                yield group if kind == COMMIT else [(CLOSED, own, payload[32:])], due, at
            if kind == COMMIT:
                running, group, since, count = due, [], hashlib.sha256(b"gridpact/1/log" + due), 0
                continue
            count, height, _ = count + 1, max(height, own), since.update(whole)
            group += [(kind, own, payload)] if kind not in (OPEN, CLOSED) else []
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

def changed(members, sequencer, operator, change):  # evidence for an exclusion is left to those who voted on it
    members, (name, content) = dict(members), change
    who, *new = content if isinstance(content, list) else [content]
    if name in ("Add", "ReplaceKey", "SetVoter"):
        first, old = {"Add": 1, "ReplaceKey": 2, "SetVoter": 5}[name], content if name == "Add" else members[who]
        members[who] = old[:first] + new + old[first + len(new):]
        need(is_key(members[who][2]), "a key is weak")
    elif name in ("Remove", "Exclude"):
        need(members.pop(who) and who != sequencer, "who orders cannot leave")
    need(len({m[2] for m in members.values()}) == len(members) and any(m[5] for m in members.values()), "a shared key or no voter")
    return members, members[who][0] if name == "SetSequencer" else sequencer, who if name == "SetOperator" else operator

def audit(rows):
    found, proofs, community = {kind: [] for kind in range(11)}, {}, b""
    for kind, height, payload in rows:
        found[kind].append((height, payload if kind == CLOSED else unpack(payload, f"kind {kind} at height {height}")))
    ((_, genesis),), ((_, tip),), named, unread = found[GENESIS], found[CLOSED], {}, 0
    for height, (name, content) in found[PROOF]:
        need(name in ("Admitted", "Closed") and proofs.setdefault(height, {}).setdefault(name, content) is content, "two proofs")
    def digest(tag, *parts):
        return hashlib.sha256(bytes([len(tag) + 11]) + b"gridpact/1/" + tag.encode() + community + b"".join(parts)).digest()
    def check(members, message, signatures, what):
        nonlocal signed
        for signed, (party, signature) in enumerate(signatures, signed + 1):
            need(party in members and is_signed(members[party][2], message, signature), f"height {height}: {what} of {party}")
    def check_votes(data, rule, allowed, tag, words, what):
        version, signatures = unpack(data, what)
        voters, ids = {m[0] for m in versions[version][0].values() if m[5]}, [voter for voter, _ in signatures]
        quorum = len(voters) * {"Majority": 3, "TwoThirds": 4}[rule] // 6 + 1
        is_quorum = ids == sorted(set(ids)) and len(ids) >= quorum and voters.issuperset(ids)
        need(version in allowed and is_quorum, f"height {height}: {what}, version {version} of the members")
        check(versions[version][0], digest(tag, pack(words + [version])), signatures, what)
        return versions[version][0]
    community, members, keys = digest("genesis", pack(genesis)), {m[0]: m for m in genesis[3]}, {m[2] for m in genesis[3]}
    need(genesis[0] == 1 and [m[0] for m in genesis[3]] == sorted(members) and all(map(is_key, keys)) and len(keys) == len(members), "genesis")
    versions, highest = [(members, genesis[5], genesis[2], 0, 0, 0)], max(members)  # orders, operator, first height and batch, key
    held, used, signed, below = {}, {}, 0, (community, community, 0)
    for height, (at, (contract, ledger)) in enumerate(found[PAIR], 1):
        version, own, prev, time, registry, record = unpack(contract, f"contract block {height}")
        (kind, content), now, proof, rule = unpack(record, f"record {height}"), len(versions) - 1, proofs.pop(height), genesis[4]
        need((at, own, prev, registry) == (height, height, below[0], now) and time >= below[2], f"height {height}: link")
        (approvals, (head, position, order)), (*_, stated, root) = proof["Admitted"], unpack(ledger, f"ledger block {height}")
        allowed = [v for v in range(now + 1) if v == now or height - versions[v + 1][3] < genesis[8][5]]
        batch, batch_time, items = unpack(head, f"batch of {height}")
        if kind == "Membership":
            number, change, signature = content
            cid = message = digest("membership", pack([number, change]))
            is_backed = signature is None if change[0] == "Exclude" else is_signed(versions[now][2], message, signature)
            need(number == now + 1 and is_backed and (change[0] != "Add" or change[1][0] > highest), f"height {height}: change of members")
            highest, makes_key = change[1][0] if change[0] == "Add" else highest, change[0] in ("Remove", "Exclude")
            rule, allowed, entries, parties = "TwoThirds" if change[0] == "SetOperator" else rule, [now], [], []
            versions.append((*changed(*versions[now][:3], change), height + 1, batch + 1, number if makes_key else versions[now][5]))
        elif kind == "Sealed":  # amounts, parties and what they signed are for members alone
            (cid, _, until, key, _, _), message, entries, parties, unread = content, digest("sealed", record), stated, [], unread + 1
            need(used.setdefault(cid, height) == height and time <= until and key == versions[now][5]
                 and type(stated) is bytes and len(stated) >= 24, f"height {height}: seal")
        else:
            (name, cid, _, buyer, seller, start, end, energy, _, price, amount, short, surplus, until), buyer_sig, seller_sig = content
            message, members = digest("contract", pack(content[0])), versions[now][0]
            need(name == community and buyer != seller and start < end and energy > 0 and used.setdefault(cid, height) == height
                 and amount == round(fractions.Fraction(energy * price, 1000)) and abs(price) <= genesis[8][0]  # half to even
                 and max(abs(short), abs(surplus)) <= genesis[11] and time <= min(until, members[buyer][7], members[seller][7]), f"height {height}: terms")
            deltas = enumerate([(buyer, -amount), (seller, amount)])  # Behind a sealed pair nobody else knows what accounts held.
            entries = [[party, delta, int(stated[n][2]) if unread else held.get(party, 0) + delta] for n, (party, delta) in deltas]
            held.update({party: balance for party, _, balance in entries})
            parties = [(buyer, buyer_sig), (seller, seller_sig)]
        check(check_votes(approvals, rule, allowed, "approve", [cid, message, "Yes"], "approvals"), message, parties, "signature")
        level = [None] if height % 256 else [bytes(root[:32])] if unread else [digest("leaf", pack([k, held[k]])) for k in sorted(held)]
        while len(level) > 1:
            level = [digest("node", *level[i:i + 2]) if level[i + 1:] else level[i] for i in range(0, len(level), 2)]
        hashed, form = digest("contract-block", contract), {"Contract": 1, "Membership": 2, "Sealed": 3}[kind]
        is_settled = version == form and ledger == pack([form, height, below[1], hashed, entries, level[0]])
        need(is_settled and max(map(abs, held.values()), default=0) < 2**63, f"height {height}: ledger block")
        below = (hashed, digest("ledger-block", ledger), time)
        need(items[position:position + 1] == [digest("record", record)] and batch_time == time, f"height {height}: order")
        members, sequencer, *_ = [version for version in versions if version[4] <= batch][-1]
        check(members, digest("batch", head), [(sequencer, dict([order])["Sequencer"])], "order")
        if "Closed" in proof: check_votes(proof["Closed"], genesis[4], [now], "ledger-vote", [height, below[1]], "ledger votes")
    for height, (keys, signature) in [(at, letter) for at, (name, letter) in found[ORDER] if name == "Keys"]:
        version, commitment, (number, *_) = unpack(keys, "letter of keys")
        need(named.setdefault(number, commitment) == commitment and number in {v[5] for v in versions[:version + 1]}, f"key {number}")
        check(versions[version][0], digest("keys", keys), [(versions[version][1], signature)], "letter of keys")
    need(not proofs and (unread or sum(held.values()) == 0) and tip == below[1], "the tip is not the one that the end frame names")
    return len(found[PAIR]), signed, community.hex(), below[1].hex(), unread

def main(folder, *anchor):
    try:
        pairs, signed, *own = audit(frames(next(place for place in (pathlib.Path(folder, "chain"), pathlib.Path(folder)) if place.is_dir())))
        need(all(given == found for given, found in zip(anchor, own)), f"community and tip are {own}")
        print(f"proved: {pairs} pairs, {signed} signatures, community {own[0]}, tip {own[1]}" + f"; {own[2]} are sealed: amounts not read" * (own[2] > 0))
    except Exception as error:  # Whatever is not as it must be is not proved.
        return f"not proved: {error!r}"

if __name__ == "__main__": sys.exit(main(*sys.argv[1:]))
