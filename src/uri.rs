//! The characters of a URI, read strictly (RFC 3986): what has to be percent-encoded there, and is
//! not, makes it none. Libraries differ on such bytes: they cut them off, rewrite or accept them.

/// The bytes of a path besides `%`: `/` and those of a `pchar` (RFC 3986, 3.3).
const PATH_BYTES: [bool; 256] = letters_digits_and(b"-._~!$&'()*+,;=:@/");

/// The bytes of a query besides `%` (RFC 3986, 3.4).
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

/// Whether this is an absolute path, `/` and what may follow it.
#[must_use]
pub fn is_path(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'/') && consists_of(bytes, &PATH_BYTES)
}

/// Whether this is a query, without the `?` before it. An empty one is.
#[must_use]
pub fn is_query(bytes: &[u8]) -> bool {
    consists_of(bytes, &QUERY_BYTES)
}

/// Whether these bytes are all allowed, or `%` with two hexadecimal digits behind it.
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
    fn path_and_query_allow_the_bytes_of_rfc_3986() {
        for byte in 0..=255_u8 {
            let in_path = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte);
            assert_eq!(is_path(&[b'/', byte, b'a']), in_path, "{byte:#04x}");
            assert_eq!(is_query(&[byte]), in_path || byte == b'?', "{byte:#04x}");
        }
    }

    #[test]
    fn percent_needs_two_hexadecimal_digits() {
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
    fn path_begins_with_a_slash_and_query_may_be_empty() {
        assert!(is_query(b""));
        for text in ["", "a", "*", "?", "http://h/"] {
            assert!(!is_path(text.as_bytes()), "{text}");
        }
    }
}
