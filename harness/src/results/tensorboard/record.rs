//! The framing of an event file (TensorFlow's TFRecord): length, its checksum, the bytes, their checksum.

use crc::{CRC_32_ISCSI, Crc};

const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Appends one record: u64 length and masked CRC32C of those eight bytes, then `data` and its masked CRC32C, all
/// little-endian.
pub fn append(out: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked(&length).to_le_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(&masked(data).to_le_bytes());
}

/// The checksum turned and shifted, so that checksums of data that holds checksums stay good ones.
fn masked(data: &[u8]) -> u32 {
    CRC32C.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        // RFC 3720, B.4, and the check value of the catalogue.
        assert_eq!(CRC32C.checksum(b"123456789"), 0xe306_9283);
        assert_eq!(CRC32C.checksum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(CRC32C.checksum(&[0xff; 32]), 0x62a8_ab43);
    }

    #[test]
    fn an_empty_record_by_hand() {
        let mut out = Vec::new();
        append(&mut out, b"");
        // The checksum of nothing is 0, so its mask is the constant alone.
        assert_eq!(out[12..], 0xa282_ead8u32.to_le_bytes());
        assert_eq!(out[..8], [0; 8]);
        assert_eq!(out.len(), 16);
    }
}
