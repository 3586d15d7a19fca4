//! What is read again of the files that findings writes.

use serde_json::Value;

/// The names in the rows behind a claim, but for those of an interval.
pub fn keys(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) if fields.contains_key("low") => {}
        Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name.clone());
                keys(value, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, names)),
        _ => {}
    }
}

/// All numbers of a value.
pub fn numbers(value: &Value, found: &mut Vec<f64>) {
    match value {
        Value::Number(number) => found.extend(number.as_f64()),
        Value::Object(fields) => fields.values().for_each(|value| numbers(value, found)),
        Value::Array(values) => values.iter().for_each(|value| numbers(value, found)),
        _ => {}
    }
}

/// Cells of a line of a table; texts with commas stand in quotes.
pub fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().unwrap().push(c),
        }
    }
    cells
}
