//! Mutations by seed: what a fuzzer does first.

/// Chance by seed: the same numbers on every run.
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Heads that mean something: lengths and forms at their edges.
const HEADS: [&[u8]; 16] = [
    &[0xc0],
    &[0x80],
    &[0x81],
    &[0x91],
    &[0xcc, 0x01],
    &[0xcf, 0, 0, 0, 0, 0, 0, 0, 1],
    &[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0],
    &[0xd0, 0x01],
    &[0xdc, 0xff, 0xff],
    &[0xdd, 0x7f, 0xff, 0xff, 0xff],
    &[0xc4, 0x20],
    &[0xc6, 0xff, 0xff, 0xff, 0xff],
    &[0xdb, 0, 0, 0, 1],
    &[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
    &[0x7f],
];

/// One to four changes of `bytes`, some of them pieces of the other `seeds`.
pub fn mutated(bytes: &[u8], seeds: &[(String, Vec<u8>)], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        let until = (at + chance.below(40)).min(bytes.len());
        match chance.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            1 if at < bytes.len() => bytes[at] = chance.next() as u8,
            2 => bytes.truncate(at),
            3 => _ = bytes.drain(at..until),
            4 => {
                let again = bytes[at..until].to_vec();
                bytes.splice(at..at, again);
            }
            5 => {
                let (_, other) = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len() + 1);
                let piece = &other[from..(from + chance.below(80)).min(other.len())];
                bytes.splice(at..until, piece.iter().copied());
            }
            _ => {
                let head = HEADS[chance.below(HEADS.len())];
                let over = if chance.below(2) == 0 { at } else { (at + 1).min(bytes.len()) };
                bytes.splice(at..over, head.iter().copied());
            }
        }
    }
    bytes
}
