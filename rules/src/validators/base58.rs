//! Keys of Bitcoin and its kin in Base58Check: private keys to import (WIF) and extended private keys (BIP 32).
//!
//! Source: Bitcoin wiki, "Base58Check encoding" and "Wallet import format"; BIP 32 and SLIP 132. The last four bytes are the
//! first of the SHA-256 of the SHA-256 of those before.

use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// Longest key, in characters: an extended one has 111 or 112.
const LONGEST: usize = 120;
const SUM: usize = 4;

/// Whether `secret` is a private key with a right checksum: a version and 32 bytes, a 1 too if its public key is compressed, or
/// the 78 bytes of an extended key, whose last part begins with 0 where it is private.
pub(super) fn is_private_key(secret: &[u8]) -> bool {
    let Some(bytes) = decode(secret) else {
        return false;
    };
    let Some((payload, given)) = super::crc::split_end(&bytes, SUM) else {
        return false;
    };
    let shape = match payload.len() {
        33 => true,
        34 => payload.last() == Some(&1),
        78 => payload.get(45) == Some(&0),
        _ => false,
    };
    shape && sum(payload) == given
}

fn sum(payload: &[u8]) -> [u8; SUM] {
    let hash = Sha256::digest(Sha256::digest(payload));
    std::array::from_fn(|place| hash.get(place).copied().unwrap_or_default())
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > LONGEST {
        return None;
    }
    // The least byte first; every digit multiplies what is there by 58.
    let mut number: Vec<u8> = Vec::with_capacity(LONGEST);
    for digit in text {
        let mut carry = ALPHABET.iter().position(|known| known == digit)?;
        for byte in &mut number {
            carry += usize::from(*byte) * 58;
            *byte = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry > 0 {
            number.push(carry as u8);
        }
    }
    let zeros = text.iter().take_while(|digit| **digit == b'1').count();
    number.resize(number.len() + zeros, 0);
    number.reverse();
    Some(number)
}

/// `payload` with its checksum, for templates.
pub(crate) fn encode(payload: &[u8]) -> String {
    let mut digits: Vec<u8> = Vec::with_capacity(LONGEST);
    for byte in payload.iter().chain(&sum(payload)) {
        let mut carry = usize::from(*byte);
        for digit in &mut digits {
            carry += usize::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = payload.iter().take_while(|byte| **byte == 0).count();
    digits.resize(digits.len() + zeros, 0);
    let letters = digits
        .iter()
        .rev()
        .filter_map(|digit| ALPHABET.get(usize::from(*digit)));
    letters.map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the Bitcoin wiki, and the first test vector of BIP 32.
    const KEYS: [&[&str]; 3] = [
        &["5HueCGU8rMjxEXxiPuD5BDku", "4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"],
        &["KwDiBf89QgGbjEhKnhXJuH7L", "rciVrZi3qYjgd9M7rFU73sVHnoWn"],
        &[
            "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPP",
            "qjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi",
        ],
    ];

    #[test]
    fn published_keys_have_a_right_checksum() {
        for key in KEYS {
            let whole = key.concat().into_bytes();
            assert!(is_private_key(&whole), "{}", key[0]);
            for place in 0..whole.len() {
                let mut other = whole.clone();
                other[place] = if whole[place] == b'z' { b'y' } else { b'z' };
                assert!(!is_private_key(&other), "{place}");
            }
            assert!(!is_private_key(&whole[1..]));
        }
    }

    #[test]
    fn what_is_decoded_is_encoded_alike() {
        for payload in [[0x80; 33], [0; 33]] {
            let text = encode(&payload);
            assert!(is_private_key(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn public_keys_and_other_text_are_none() {
        let mut public = vec![4, 0x88, 0xb2, 0x1e];
        public.extend_from_slice(&[7; 74]);
        assert!(!is_private_key(encode(&public).as_bytes()));
        assert!(!is_private_key(encode(&[1; 20]).as_bytes()));
        assert!(!is_private_key(b"0OIl"));
        assert!(!is_private_key(&[b'z'; 121]));
        assert!(!is_private_key(&[b'1'; 120]));
        assert!(!is_private_key(b""));
    }
}
