//! Random requests out of pieces with a meaning to some parser.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

use super::reference::Sent;

/// Pieces of targets.
const TARGET: &[&str] = &[
    "tenant=acme",
    "tenant=ACME",
    "tenant=globex",
    "policy=crm-agent",
    "policy=crm-admin",
    "policy=crm-admin,Tenant",
    "acl=route/open",
    "acl=route/open/x",
    "acl=route/shut",
    "acl_uri=route",
    "acl_uri=route/open",
    "&",
    "&",
    "=",
    "?",
    "#",
    "#&",
    "%23",
    "%20",
    "%2",
    "%",
    "%zz",
    "%00",
    "%C3%BC",
    "%ff",
    "+",
    ",",
    ";",
    "/",
    "{labels.2}",
    "%7B",
    "\"",
    "|",
    "^",
    "`",
    "\\",
    "<",
    " ",
    "\u{e9}",
];

/// Pieces of forwarded targets.
const URI: &[&str] = &[
    "/open",
    "/shut",
    "/x",
    "/",
    ".",
    "..",
    "%2e",
    "%2F",
    "%5c",
    "%20",
    "%C2%A0",
    "%C3%BC",
    "%ff",
    "%25",
    "%",
    "%00",
    "#",
    ";",
    "\\",
    "?",
    "?",
    "&",
    "a=b",
    "_method=",
    "_METHOD=",
    "%5fmethod=",
    "_method[]=",
    "X-HTTP-Method-Override=",
    "get",
    "DELETE",
    "Head",
    "post",
    "+",
    "\u{e9}",
    "\t",
    "\"",
];

/// Pieces of lists of addresses.
const FOR: &[&str] = &[
    "192.0.2.1",
    "192.0.2.255",
    "203.0.113.9",
    "10.0.0.1",
    "10.9.8.7",
    "::ffff:192.0.2.7",
    "::ffff:10.0.0.2",
    "2001:db8::5",
    "[2001:db8::5]",
    "[::ffff:192.0.2.8]",
    "192.0.2.9",
    ",",
    ",",
    ", ",
    ",",
    ":443",
    ":80",
    ":",
    "]",
    "[",
    "%eth0",
    "unknown",
    " ",
    "\u{e9}",
];

const METHODS: &[&str] =
    &["GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "DELETE", "get", "PURGE", ""];

/// Returns some of these pieces, and sometimes random bytes.
fn pieces(random: &mut StdRng, all: &[&str], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..random.random_range(0..=most) {
        match random.random_range(0..24) {
            // `two_ways` covers line ends.
            0 => out.push(match random.random() {
                b'\r' | b'\n' => b'\0',
                byte => byte,
            }),
            _ => out.extend_from_slice(all.choose(random).expect("pieces").as_bytes()),
        }
    }
    out
}

/// Returns the value without surrounding blanks (RFC 9110, 5.5).
fn trimmed(value: &[u8]) -> Vec<u8> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(start, |end| end + 1);
    value[start..end].to_vec()
}

/// Returns one or two well-formed requirements.
fn query(random: &mut StdRng) -> Vec<u8> {
    let all = &TARGET[..11];
    let count = random.random_range(1..3);
    let chosen: Vec<&str> = (0..count).map(|_| *all.choose(random).expect("pieces")).collect();
    chosen.join("&").into_bytes()
}

/// Returns a random request with this token.
pub(super) fn made_up(random: &mut StdRng, token: &str) -> Sent {
    let mut target = b"/validate".to_vec();
    match random.random_range(0..8) {
        0 => target = pieces(random, TARGET, 3),
        1 => target.extend(pieces(random, TARGET, 2)),
        2..=4 => target.extend([b"?", &query(random)[..]].concat()),
        5 | 6 => target.extend([b"?", &query(random)[..], &pieces(random, TARGET, 2)].concat()),
        _ => target.extend([b"?", &pieces(random, TARGET, 4)[..]].concat()),
    }
    let mut fields = vec![("x-vault-token", token.as_bytes().to_vec())];
    let mut add = |name, most: usize, value: &mut dyn FnMut(&mut StdRng) -> Vec<u8>| {
        let count = if random.random_range(0..8) == 0 { random.random_range(0..=2) } else { 1 };
        for _ in 0..count.min(most) {
            fields.push((name, trimmed(&value(random))));
        }
    };
    add("x-forwarded-method", 2, &mut |random| {
        METHODS.choose(random).expect("methods").as_bytes().to_vec()
    });
    add("x-forwarded-uri", 2, &mut |random| {
        let beginning: &[u8] = [&b"/open"[..], b"/open/", b""].choose(random).expect("three");
        [beginning, &pieces(random, URI, 4)].concat()
    });
    add("x-forwarded-for", 2, &mut |random| pieces(random, FOR, 5));
    Sent { target, fields }
}
