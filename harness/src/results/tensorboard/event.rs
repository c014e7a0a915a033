//! The three messages of TensorFlow's `event.proto` and `summary.proto` that a scalar needs, written out field by field:
//! `Event { wall_time = 1 (double), step = 2 (int64), file_version = 3 (string), summary = 5 (Summary) }`,
//! `Summary { value = 1 (repeated Value) }`, `Value { tag = 1 (string), simple_value = 2 (float) }`.

/// Wire types of protocol buffers.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// The first event of a file; what it says makes readers take steps as they come.
pub fn version(wall_time: f64) -> Vec<u8> {
    let mut event = head(wall_time, 0);
    bytes(&mut event, 3, b"brain.Event:2");
    event
}

/// One number at a step; `wall_time` in seconds since 1970.
pub fn scalar(wall_time: f64, step: u64, tag: &str, number: f64) -> Vec<u8> {
    let mut value = Vec::new();
    bytes(&mut value, 1, tag.as_bytes());
    key(&mut value, 2, FIXED32);
    value.extend_from_slice(&(number as f32).to_le_bytes());
    let mut summary = Vec::new();
    bytes(&mut summary, 1, &value);
    let mut event = head(wall_time, step);
    bytes(&mut event, 5, &summary);
    event
}

fn head(wall_time: f64, step: u64) -> Vec<u8> {
    let mut event = Vec::new();
    key(&mut event, 1, FIXED64);
    event.extend_from_slice(&wall_time.to_le_bytes());
    // Zero is what a reader assumes.
    if step > 0 {
        key(&mut event, 2, VARINT);
        varint(&mut event, step);
    }
    event
}

fn key(out: &mut Vec<u8>, field: u8, wire: u8) {
    out.push(field << 3 | wire);
}

fn bytes(out: &mut Vec<u8>, field: u8, data: &[u8]) {
    key(out, field, BYTES);
    varint(out, data.len() as u64);
    out.extend_from_slice(data);
}

/// Seven bits a byte, lowest first; the top bit says that more follow.
fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_by_hand() {
        let of = |number| {
            let mut out = Vec::new();
            varint(&mut out, number);
            out
        };
        assert_eq!(of(0), [0]);
        assert_eq!(of(127), [0x7f]);
        assert_eq!(of(300), [0xac, 0x02]);
        assert_eq!(of(100_000), [0xa0, 0x8d, 0x06]);
    }
}
