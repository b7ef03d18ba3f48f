//! Strict validation of URI characters (RFC 3986): a byte that has to be percent-encoded and is not
//! makes the path or query invalid. Libraries treat such bytes differently: they truncate, rewrite
//! or accept them.

/// The bytes that a path may contain besides `%`: `/` and those of a `pchar` (RFC 3986, 3.3).
const PATH_BYTES: [bool; 256] = letters_digits_and(b"-._~!$&'()*+,;=:@/");

/// The bytes that a query may contain besides `%` (RFC 3986, 3.4).
const QUERY_BYTES: [bool; 256] = letters_digits_and(b"-._~!$&'()*+,;=:@/?");

const fn letters_digits_and(others: &[u8]) -> [bool; 256] {
    let mut allowed = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        allowed[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        allowed[others[at] as usize] = true;
        at += 1;
    }
    allowed
}

/// Returns true if this is a valid absolute path: `/`, and any path bytes after it.
#[must_use]
pub fn is_path(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'/') && consists_of(bytes, &PATH_BYTES)
}

/// Returns true if this is a valid query, without the leading `?`. An empty query is valid.
#[must_use]
pub fn is_query(bytes: &[u8]) -> bool {
    consists_of(bytes, &QUERY_BYTES)
}

/// Returns true if each byte is allowed or begins a percent-encoded octet (`%` and two hex digits).
fn consists_of(bytes: &[u8], allowed: &[bool; 256]) -> bool {
    let mut rest = bytes;
    while let [first, others @ ..] = rest {
        rest = match others {
            _ if allowed[usize::from(*first)] => others,
            [high, low, others @ ..]
                if *first == b'%' && high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                others
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{is_path, is_query};

    #[test]
    fn allowed_bytes_are_those_of_rfc_3986() {
        for byte in 0..=255_u8 {
            let in_path = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
            assert_eq!(is_path(&[b'/', byte, b'a']), in_path, "{byte:#04x}");
            assert_eq!(is_query(&[byte]), in_path || byte == b'?', "{byte:#04x}");
        }
    }

    #[test]
    fn percent_needs_two_hex_digits() {
        for (text, expected) in [
            ("/%00", true),
            ("/%fF%Aa", true),
            ("/%", false),
            ("/%2", false),
            ("/%2g", false),
            ("/%g2", false),
            ("/%%20", false),
            ("/% 20", false),
        ] {
            assert_eq!(is_path(text.as_bytes()), expected, "{text}");
            assert_eq!(is_query(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn path_needs_slash_query_may_be_empty() {
        assert!(is_query(b""));
        for text in ["", "a", "*", "?", "http://h/"] {
            assert!(!is_path(text.as_bytes()), "{text}");
        }
    }
}
