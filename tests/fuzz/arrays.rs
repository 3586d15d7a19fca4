//! .npy files: a header of pieces that may stand in one, and changes to its bytes.

use super::bytes;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const TYPES: &[&str] = &[
    "'<f4'",
    "'<f8'",
    "'>f8'",
    "'|u1'",
    "'|b1'",
    "'<c8'",
    "'>c16'",
    "'<i8'",
    "'<f2'",
    "'<U7'",
    "'|O'",
    "'<M8[ns]'",
    "'f4'",
    "''",
    "'<<f4'",
    "[('a', '<f4')]",
    "[]",
    "4",
    "None",
    "'<f4",
];
const FLAGS: &[&str] = &["False", "True", "0", "1", "None", "'False'", "false", ""];
const SIDES: &[&str] = &[
    "1",
    "2",
    "3",
    "8",
    "0",
    "-1",
    "65536",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "9999999999",
    "1.0",
    "1L",
    "+1",
    " 2 ",
    "",
    "None",
    "0x8",
    "1e3",
    "٣",
];

fn one<'a>(rng: &mut ChaCha8Rng, list: &[&'a str], usual: usize) -> &'a str {
    // Mostly what is usual: otherwise nothing ever comes behind the first mistake.
    let most = if rng.random_range(0..4) == 0 { list.len() } else { usual };
    list[rng.random_range(0..most)]
}

fn header(rng: &mut ChaCha8Rng) -> String {
    let usual = rng.random();
    let axes = rng.random_range(if usual { 2..5 } else { 0..8 });
    let sides: Vec<&str> = (0..axes).map(|_| one(rng, SIDES, 4)).collect();
    let comma = if axes == 1 || rng.random() { "," } else { "" };
    let close = if rng.random_range(0..20) == 0 { "" } else { ")" };
    let mut pieces = vec![
        format!("'descr': {}", one(rng, TYPES, 8)),
        format!("'fortran_order': {}", one(rng, FLAGS, 2)),
        format!("'shape': ({}{comma}{close}", sides.join(", ")),
    ];
    match rng.random_range(0..12) {
        0 => drop(pieces.pop()),
        1 => pieces.push(pieces[0].clone()),
        2 => pieces.swap(0, 2),
        3 => pieces.push("'more': 1".to_string()),
        4 => pieces.insert(0, "(".repeat(rng.random_range(1..30_000))),
        _ => {}
    }
    format!("{{{}, }}", pieces.join(", "))
}

pub fn case(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut text = header(rng).into_bytes();
    let version = [1, 1, 1, 2, 3, 0, 255][rng.random_range(0..7)];
    text.resize(text.len().next_multiple_of(64) + 53, b' ');
    text.push(b'\n');
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((text.len() as u16).to_le_bytes()),
        _ => bytes.extend((text.len() as u32).to_le_bytes()),
    }
    bytes.extend(text);
    let values = [0, 4, 64, 1024, 4096][rng.random_range(0..5)];
    bytes.extend((0..values).map(|_| rng.random::<u8>()));
    if rng.random_range(0..3) == 0 {
        bytes::change(rng, &mut bytes, &[]);
    }
    bytes
}
