//! Signatures at the edges of Ed25519, made here by hand: what other verifiers judge differently is
//! refused by ours. The same lines are judged by the auditor in Python.
//!
//! `tests/reference/signatures.txt` holds them; `BLESS=1` writes it anew.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity};
use gridpact_chain::digest::Digest;
use gridpact_chain::sign::{PublicKey, Signature, Verdicts};
use gridpact_chain::verdicts::{Remembered, Strict};
use sha2::{Digest as _, Sha512};

const STORED: &str = include_str!("../../../tests/reference/signatures.txt");
const HEAD: &str = "# name key message signature verdict equation\n\
    # verdict: holds, or what is refused. equation: what SB = R + kA says by itself, plainly or times 8.\n";
/// The order of the group, little-endian.
const ORDER: [u8; 32] = {
    let mut order = [0; 32];
    let low = 0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes();
    let mut i = 0;
    while i < 16 {
        order[i] = low[i];
        i += 1;
    }
    order[31] = 0x10;
    order
};

struct Line {
    name: String,
    key: [u8; 32],
    message: Digest,
    signature: [u8; 64],
    verdict: &'static str,
}

fn scalar(words: &str) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(words).into())
}

fn challenge(r: &[u8; 32], key: &[u8; 32], message: &Digest) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message.0);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn message(i: u32) -> Digest {
    Digest::content(&i.to_le_bytes())
}

/// The first message whose challenge is a multiple of 8: torsion then falls out of the equation.
fn message_without_torsion(r: &[u8; 32], key: &[u8; 32]) -> Digest {
    let is_multiple = |m: &Digest| challenge(r, key, m).as_bytes()[0].is_multiple_of(8);
    (0..).map(message).find(is_multiple).expect("one in eight is")
}

fn joined(r: &[u8; 32], s: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r);
    signature[32..].copy_from_slice(s);
    signature
}

/// `S = r + k a`, with `R` and `A` written as given.
fn signed(r: Scalar, r_bytes: &[u8; 32], a: Scalar, key: &[u8; 32], m: &Digest) -> [u8; 64] {
    joined(r_bytes, (r + challenge(r_bytes, key, m) * a).as_bytes())
}

fn bytes(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// `S + n L` as bytes, while it fits.
fn plus_order(s: &[u8], n: u32) -> [u8; 32] {
    let (mut sum, mut carry) = ([0; 32], 0_u32);
    for (i, byte) in sum.iter_mut().enumerate() {
        carry += u32::from(s[i]) + n * u32::from(ORDER[i]);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0, "it fits");
    sum
}

/// Every writing of a `y` that is not below the field's prime, with either sign.
fn beyond_the_prime() -> impl Iterator<Item = (String, [u8; 32])> {
    (0..19_u8).flat_map(|y| {
        [(0x7f, "plus"), (0xff, "minus")].map(|(last, sign)| {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (0xed + y, last);
            (format!("p+{y}-{sign}"), point)
        })
    })
}

/// What the equation says by itself, of whoever takes points and scalars as they come.
fn equation(line: &Line) -> &'static str {
    let halves: [[u8; 32]; 2] = [
        line.signature[..32].try_into().expect("half"),
        line.signature[32..].try_into().expect("half"),
    ];
    let points = [line.key, halves[0]].map(|bytes| CompressedEdwardsY(bytes).decompress());
    let [Some(a), Some(r)] = points else { return "none" };
    let s = Scalar::from_bytes_mod_order(halves[1]);
    let rest = s * B - r - challenge(&halves[0], &line.key, &line.message) * a;
    if rest.is_identity() {
        "plain"
    } else if rest.mul_by_cofactor().is_identity() {
        "times-8"
    } else {
        "none"
    }
}

struct Lines(Vec<Line>);

impl Lines {
    fn add(
        &mut self,
        name: impl Into<String>,
        key: [u8; 32],
        message: Digest,
        signature: [u8; 64],
        verdict: &'static str,
    ) {
        self.0.push(Line { name: name.into(), key, message, signature, verdict });
    }
}

/// Honest signatures, and plain lies.
fn plain(lines: &mut Lines, a: Scalar, key: [u8; 32]) {
    let r = scalar("r");
    for i in 0..4 {
        let nonce = r + Scalar::from(i);
        let m = message(i);
        let good = signed(nonce, &bytes(nonce * B), a, &key, &m);
        lines.add(format!("honest-{i}"), key, m, good, "holds");
    }
    let m = message(0);
    let good = signed(r, &bytes(r * B), a, &key, &m);
    lines.add("other-message", key, message(1), good, "signature");
    lines.add("other-key", bytes(scalar("b") * B), m, good, "signature");
    for at in [0, 31, 32, 63] {
        let mut flipped = good;
        flipped[at] ^= 1;
        lines.add(format!("flipped-{at}"), key, m, flipped, "signature");
    }
    lines.add("zeros", key, m, [0; 64], "signature");
    lines.add("ones", key, m, [0xff; 64], "signature");
    for n in 1..=8 {
        let s = plus_order(&good[32..], n);
        lines.add(format!("s-plus-{n}-orders"), key, m, joined(&bytes(r * B), &s), "signature");
    }
    let identity = bytes(EdwardsPoint::identity());
    lines.add("s-is-order", identity, m, joined(&identity, &ORDER), "key");
}

/// Points of small order, with a torsion part or written otherwise, as `R`.
fn points_r(lines: &mut Lines, a: Scalar, key: [u8; 32]) {
    let (m, zero, r) = (message(2), Scalar::ZERO, scalar("r"));
    for (i, torsion) in EIGHT_TORSION.iter().enumerate() {
        let small = bytes(*torsion);
        lines.add(format!("r-small-{i}"), key, m, signed(zero, &small, a, &key, &m), "signature");
        if i > 0 {
            let mixed = bytes(r * B + torsion);
            lines.add(format!("r-mixed-{i}"), key, m, signed(r, &mixed, a, &key, &m), "signature");
        }
    }
    for (name, point) in beyond_the_prime() {
        lines.add(format!("r-{name}"), key, m, signed(zero, &point, a, &key, &m), "signature");
    }
    let mut minus_zero = bytes(EdwardsPoint::identity());
    minus_zero[31] |= 0x80;
    lines.add("r-minus-zero", key, m, signed(zero, &minus_zero, a, &key, &m), "signature");
    let mut two = [0; 32];
    two[0] = 2;
    lines.add("r-no-point", key, m, signed(zero, &two, a, &key, &m), "signature");
}

/// The same as keys; the messages are such that the plain equation holds.
fn points_a(lines: &mut Lines, a: Scalar) {
    let (zero, r) = (Scalar::ZERO, scalar("r"));
    let nonce = bytes(r * B);
    for (i, torsion) in EIGHT_TORSION.iter().enumerate() {
        let small = bytes(*torsion);
        let m = message_without_torsion(&nonce, &small);
        lines.add(format!("a-small-{i}"), small, m, signed(r, &nonce, zero, &small, &m), "key");
        if i > 0 {
            let mixed = bytes(a * B + torsion);
            let m = message_without_torsion(&nonce, &mixed);
            lines.add(format!("a-mixed-{i}"), mixed, m, signed(r, &nonce, a, &mixed, &m), "key");
            let both = bytes(r * B + torsion);
            let m = message(3);
            lines.add(format!("both-mixed-{i}"), mixed, m, signed(r, &both, a, &mixed, &m), "key");
        }
    }
    for (name, point) in beyond_the_prime() {
        let m = message_without_torsion(&nonce, &point);
        lines.add(format!("a-{name}"), point, m, signed(r, &nonce, zero, &point, &m), "key");
    }
    let mut minus_zero = bytes(EdwardsPoint::identity());
    minus_zero[31] |= 0x80;
    let m = message(4);
    lines.add("a-minus-zero", minus_zero, m, signed(r, &nonce, zero, &minus_zero, &m), "key");
    let mut two = [0; 32];
    two[0] = 2;
    lines.add("a-no-point", two, m, signed(r, &nonce, zero, &two, &m), "key");
}

fn all() -> Vec<Line> {
    let a = scalar("a");
    let key = bytes(a * B);
    let mut lines = Lines(Vec::new());
    plain(&mut lines, a, key);
    points_r(&mut lines, a, key);
    points_a(&mut lines, a);
    lines.0
}

fn judged(line: &Line, verdicts: &dyn Verdicts) -> &'static str {
    match PublicKey::from_bytes(&line.key) {
        Err(_) => "key",
        Ok(key) if verdicts.check(&key, &line.message, &Signature(line.signature)) => "holds",
        Ok(_) => "signature",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn whatever_verifiers_judge_differently_is_refused() {
    let remembered = Remembered::default();
    for line in all() {
        assert_eq!(judged(&line, &Strict), line.verdict, "{}", line.name);
        for _ in 0..2 {
            assert_eq!(judged(&line, &remembered), line.verdict, "{}, remembered", line.name);
        }
    }
}

#[test]
fn the_lines_have_teeth() {
    let said = |start: &str, wanted: &str| {
        all().iter().filter(|l| l.name.starts_with(start) && equation(l) == wanted).count()
    };
    // The plain equation alone would take all of these.
    assert_eq!(said("honest", "plain"), 4);
    assert_eq!(said("s-", "plain"), 9);
    assert_eq!(said("r-small-0", "plain"), 1);
    assert_eq!(said("a-small", "plain"), 8);
    assert_eq!(said("a-mixed", "plain"), 7);
    // The equation times 8 would take these as well.
    assert_eq!(said("r-small", "times-8"), 7);
    assert_eq!(said("r-mixed", "times-8"), 7);
    assert_eq!(said("both-mixed", "plain") + said("both-mixed", "times-8"), 7);
    assert!(said("r-p+", "plain") > 0 && said("a-p+", "plain") > 0, "points written otherwise");
}

#[test]
fn every_line_is_stored_for_other_languages() {
    let mut text = HEAD.to_owned();
    for line in all() {
        let (key, message, signature) = (hex(&line.key), line.message, hex(&line.signature));
        let (name, verdict, equation) = (&line.name, line.verdict, equation(&line));
        text.push_str(&format!("{name} {key} {message} {signature} {verdict} {equation}\n"));
    }
    if std::env::var_os("BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/signatures.txt");
        std::fs::write(path, &text).expect("the file can be written");
        return;
    }
    for (now, stored) in text.lines().zip(STORED.lines()) {
        assert_eq!(now, stored);
    }
    assert_eq!(text.lines().count(), STORED.lines().count());
}
