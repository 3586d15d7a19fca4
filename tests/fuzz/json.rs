//! Changes to the tree of a JSON text.

use super::bytes::few;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Every value of the tree, in one order.
fn each<'a>(value: &'a mut Value, seen: &mut dyn FnMut(&'a mut Value) -> Option<&'a mut Value>) {
    let Some(value) = seen(value) else { return };
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| each(value, seen)),
        Value::Object(map) => map.iter_mut().for_each(|(_, value)| each(value, seen)),
        _ => {}
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// The value of this number.
fn at(root: &mut Value, number: usize) -> Option<&mut Value> {
    let (mut found, mut left) = (None, number);
    each(root, &mut |value| {
        if left == 0 && found.is_none() {
            found = Some(value);
            return None;
        }
        left = left.saturating_sub(1);
        found.is_none().then_some(value)
    });
    found
}

fn replacement(rng: &mut ChaCha8Rng) -> Value {
    match rng.random_range(0..26) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(1),
        4 => json!(-1),
        5 => json!(2),
        6 => json!(1 << 16),
        7 => json!(i32::MAX),
        8 => json!(1u64 << 32),
        9 => json!(u64::MAX),
        10 => json!(i64::MIN),
        11 => json!(1e308),
        12 => json!(-0.5),
        13 => json!(1e-320),
        14 => json!(""),
        15 => json!("\u{0}\u{1b}[2J/../"),
        16 => json!("x".repeat(600)),
        17 => json!([]),
        18 => json!({}),
        19 => json!([1, 1]),
        20 => json!([0, 0]),
        21 => json!([65536, 65536]),
        22 => json!([[1, 2], [3, 4]]),
        23 => json!([null, null, null, null]),
        24 => (0..100).fold(json!(1), |inner, _| json!([inner])),
        _ => json!(rng.random_range(0..40)),
    }
}

/// Changes some values. `words` are those that Keras writes: classes, activations, settings.
pub fn change(rng: &mut ChaCha8Rng, root: &mut Value, words: &[String]) {
    for _ in 0..few(rng) {
        let all = count(root);
        let other = at(root, rng.random_range(0..all)).map(|value| value.clone()).unwrap_or(Value::Null);
        let Some(value) = at(root, rng.random_range(0..all)) else { continue };
        let kind = rng.random_range(0..10);
        match value {
            Value::Array(list) if !list.is_empty() && kind < 6 => {
                let (i, j) = (rng.random_range(0..list.len()), rng.random_range(0..list.len()));
                match kind {
                    0 => drop(list.remove(i)),
                    1 => list.insert(j, list[i].clone()),
                    2 => list.swap(i, j),
                    3 => list.truncate(i),
                    4 => list.insert(i, other),
                    _ => list[i] = replacement(rng),
                }
            }
            Value::Object(map) if !map.is_empty() && kind < 6 => {
                let key = map.keys().nth(rng.random_range(0..map.len())).unwrap().clone();
                match kind {
                    0 | 1 => drop(map.remove(&key)),
                    2 => drop(map.insert(key, other)),
                    3 => {
                        let moved = map.remove(&key).unwrap();
                        map.insert(words[rng.random_range(0..words.len())].clone(), moved);
                    }
                    4 => drop(map.insert(words[rng.random_range(0..words.len())].clone(), other)),
                    _ => drop(map.insert(key, replacement(rng))),
                }
            }
            Value::String(text) if kind < 6 => *text = words[rng.random_range(0..words.len())].clone(),
            Value::Number(n) if kind < 5 => {
                let n = n.as_f64().unwrap_or(0.0);
                *value = match [n + 1.0, n - 1.0, n * 2.0, -n, n / 2.0][kind] {
                    whole if whole.fract() == 0.0 && whole.abs() < 1e15 => json!(whole as i64),
                    n => json!(n),
                };
            }
            Value::Bool(yes) if kind < 6 => *yes = !*yes,
            value if kind == 9 => *value = other,
            value => *value = replacement(rng),
        }
    }
}

/// Appends all strings and names of settings to `words`.
pub fn words(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| self::words(value, words)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            words.push(key.clone());
            self::words(value, words);
        }),
        Value::String(text) => words.push(text.clone()),
        _ => {}
    }
}
