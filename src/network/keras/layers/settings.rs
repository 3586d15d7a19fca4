//! Reading the settings of a layer. One that is missing or null has Keras' default; one that makes no sense is refused by name.

use serde_json::Value;

use super::Fallible;
use crate::engine::ops::{Sides, Window};
use crate::network::Padding;

/// Sizes and channel counts up to this; larger ones are mistakes.
pub const LARGEST: u64 = 65536;

/// The settings of one layer, or the arguments of one operator.
#[derive(Clone, Copy)]
pub struct Settings<'a>(pub &'a Value);

impl<'a> Settings<'a> {
    pub fn get(self, key: &str) -> &'a Value {
        self.0.get(key).unwrap_or(&Value::Null)
    }

    pub fn check(self, key: &str, ok: impl Fn(&Value) -> bool, supported: &str) -> Fallible<()> {
        match self.get(key) {
            Value::Null => Ok(()),
            v if ok(v) => Ok(()),
            v => Err(refused(key, v, supported)),
        }
    }

    /// A whole number from 1, up to [`LARGEST`].
    pub fn size(self, key: &str) -> Fallible<usize> {
        let value = self.get(key);
        size(value).ok_or_else(|| refused(key, value, &format!("1 to {LARGEST}")))
    }

    pub fn size_or(self, key: &str, default: usize) -> Fallible<usize> {
        if self.get(key).is_null() { Ok(default) } else { self.size(key) }
    }

    /// `2` or `[2, 2]`.
    pub fn window(self, key: &str) -> Fallible<Option<Window>> {
        let value = self.get(key);
        if value.is_null() {
            return Ok(None);
        }
        let window = pair(value, size).map(|(h, w)| Window::new(h, w));
        window.map(Some).ok_or_else(|| refused(key, value, &format!("one or two whole numbers, 1 to {LARGEST}")))
    }

    /// `1`, `[1, 2]` (rows, columns) or `[[1, 2], [3, 4]]` (top, bottom, left, right), from 0.
    pub fn sides(self, key: &str) -> Fallible<Sides> {
        let value = self.get(key);
        let ends = |v: &Value| match v {
            Value::Array(_) => pair(v, length),
            v => length(v).map(|n| (n, n)),
        };
        let sides = match value {
            Value::Null => Some(((1, 1), (1, 1))),
            v if v.is_array() => pair(v, ends),
            v => ends(v).map(|e| (e, e)),
        };
        let sides = sides.map(|((top, bottom), (left, right))| Sides { top, bottom, left, right });
        sides.ok_or_else(|| refused(key, value, &format!("one, two or two pairs of whole numbers, 0 to {LARGEST}")))
    }

    pub fn flag(self, key: &str, default: bool) -> Fallible<bool> {
        self.check(key, Value::is_boolean, "true or false")?;
        Ok(self.get(key).as_bool().unwrap_or(default))
    }

    /// Keras 2.2 writes numbers as `{"type": "ndarray", "value": 0.0}`.
    pub fn number(self, key: &str, default: f64) -> Fallible<f64> {
        match self.get(key) {
            Value::Null => Ok(default),
            v => number(v).ok_or_else(|| refused(key, v, "a finite number")),
        }
    }

    /// The same, of 0 or above.
    pub fn positive(self, key: &str, default: f64) -> Fallible<f64> {
        let value = self.number(key, default)?;
        if value >= 0.0 { Ok(value) } else { Err(refused(key, self.get(key), "a number from 0")) }
    }

    pub fn axis(self, key: &str, default: i64) -> Fallible<i64> {
        match self.get(key) {
            Value::Null => Ok(default),
            v => axis(v).ok_or_else(|| refused(key, v, "the number of an axis")),
        }
    }

    /// `3` or `[1, 2]`; `None` if nothing is said.
    pub fn axes(self, key: &str) -> Fallible<Option<Vec<i64>>> {
        let value = self.get(key);
        let axes = match value {
            Value::Null => return Ok(None),
            Value::Array(items) => items.iter().map(axis).collect(),
            v => axis(v).map(|a| vec![a]),
        };
        axes.map(Some).ok_or_else(|| refused(key, value, "numbers of axes"))
    }

    /// A list of whole numbers, such as a shape.
    pub fn integers(self, key: &str) -> Fallible<Vec<i64>> {
        let value = self.get(key);
        let integer = |v: &Value| v.as_i64().filter(|i| i.unsigned_abs() <= u64::from(u32::MAX));
        let list = value.as_array().and_then(|items| items.iter().map(integer).collect());
        list.ok_or_else(|| refused(key, value, "a list of whole numbers"))
    }

    pub fn padding(self) -> Fallible<Padding> {
        match self.get("padding") {
            Value::Null => Ok(Padding::Valid),
            v if v.as_str().is_some_and(|p| p.eq_ignore_ascii_case("valid")) => Ok(Padding::Valid),
            v if v.as_str().is_some_and(|p| p.eq_ignore_ascii_case("same")) => Ok(Padding::Same),
            v => Err(refused("padding", v, "'same', 'valid'")),
        }
    }
}

pub fn size(value: &Value) -> Option<usize> {
    length(value).filter(|&s| s > 0)
}

/// A whole number from 0.
pub fn length(value: &Value) -> Option<usize> {
    value.as_u64().filter(|&s| s <= LARGEST).map(|s| s as usize)
}

pub fn number(value: &Value) -> Option<f64> {
    let value = value.get("value").unwrap_or(value);
    value.as_f64().filter(|v| v.is_finite())
}

/// A number, or numbers in a list in lists, in their order. Keras 3 writes arrays as `{"config": {"value": ...}}`.
pub fn numbers(value: &Value) -> Option<Vec<f64>> {
    let array = value.get("config").unwrap_or(value);
    match array.get("value").unwrap_or(array) {
        Value::Array(items) => items.iter().map(numbers).collect::<Option<Vec<_>>>().map(|n| n.concat()),
        v => number(v).map(|n| vec![n]),
    }
}

fn axis(value: &Value) -> Option<i64> {
    value.as_i64().filter(|a| (-8..8).contains(a))
}

/// Two of a kind, or one for both.
fn pair<T: Copy>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<(T, T)> {
    match value {
        Value::Array(items) if items.len() == 2 => read(&items[0]).zip(read(&items[1])),
        Value::Array(_) => None,
        v => read(v).map(|s| (s, s)),
    }
}

pub fn refused(key: &str, value: &Value, supported: &str) -> String {
    let mut value = value.to_string();
    if value.chars().count() > 200 {
        value = value.chars().take(200).chain("...".chars()).collect();
    }
    format!("{key} {value} is not supported (supported: {supported})")
}
