//! Hashes of configs and of episodes, and what differs between two configs.

pub use crate::results::run_json::CLASSES;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// sha256 (hex) of a JSON value's compact text. Objects are ordered by key, so equal values hash equally.
pub fn sha256_json(value: &Value) -> String {
    hex(&Sha256::digest(value.to_string().as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first path at which two configs differ: `method.lr: 0.001 there, 0.01 here`.
pub fn difference(there: &Value, here: &Value) -> Option<String> {
    difference_between(there, here, ["there", "here"])
}

/// [`difference`] with other words for the two sides.
pub fn difference_between(a: &Value, b: &Value, words: [&str; 2]) -> Option<String> {
    differ("", a, b, words)
}

fn differ(path: &str, there: &Value, here: &Value, words: [&str; 2]) -> Option<String> {
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differ(&path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), words)
            })
        }
        _ if there == here => None,
        _ => {
            let show = |value: &Value| if value.is_null() { "absent".to_owned() } else { value.to_string() };
            Some(format!("{path}: {} {}, {} {}", show(there), words[0], show(here), words[1]))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_difference_is_named_by_its_path() {
        let a = json!({"method": {"lr": 0.001, "batch": 5}, "seed": 0});
        let b = json!({"method": {"lr": 0.01, "batch": 5}, "seed": 0});
        assert_eq!(difference(&a, &b).unwrap(), "method.lr: 0.001 there, 0.01 here");
        assert_eq!(
            difference(&a, &json!({"method": {"lr": 0.001}, "seed": 0})).unwrap(),
            "method.batch: 5 there, absent here"
        );
        assert_eq!(difference(&a, &a), None);
        assert_ne!(sha256_json(&a), sha256_json(&b));
    }
}
