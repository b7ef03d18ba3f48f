//! A strict reader of `/validate` requests, written from RFC 9112, RFC 3986 and the documentation,
//! apart from the program.

use std::{collections::BTreeSet, net::IpAddr};

/// The expected result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// 200.
    Granted,
    /// Refused with this code.
    Refused(&'static str),
    /// Malformed: 400, by hyper or by the program.
    NoRequest,
}

/// A sent request.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) target: Vec<u8>,
    /// Names in lower case.
    pub(super) fields: Vec<(&'static str, Vec<u8>)>,
}

/// The caller. Vault grants it to read `route/open`, and all below it.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) tenant: Option<&'static str>,
    pub(super) policies: &'static [&'static str],
    /// True if its token is bound to 192.0.2.0/24.
    pub(super) is_bound: bool,
}

type Outcome<T> = Result<T, Verdict>;

const BAD_REQUIREMENT: Verdict = Verdict::Refused("requirement_invalid");
const BAD_REQUEST: Verdict = Verdict::Refused("request_invalid");
const AMBIGUOUS: Verdict = Verdict::Refused("path_ambiguous");
const DENIED: Verdict = Verdict::Refused("acl_denied");

enum Required {
    Policy(Vec<String>),
    Tenant(String),
    Acl(String),
    AclUri(String),
}

/// Returns the expected result of this request.
pub(super) fn judge(sent: &Sent, caller: Caller) -> Verdict {
    decide(sent, caller).err().unwrap_or(Verdict::Granted)
}

fn decide(sent: &Sent, caller: Caller) -> Outcome<()> {
    // RFC 9110, 5.5: visible bytes, blanks and obs-text.
    let is_value = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 127);
    if !sent.fields.iter().all(|(_, value)| value.iter().all(is_value)) {
        return Err(Verdict::NoRequest);
    }
    let (path, query) = origin_form(&sent.target).ok_or(Verdict::NoRequest)?;
    if path != b"/validate" {
        return Err(Verdict::Refused("not_found"));
    }
    let required = requirements(query).ok_or(BAD_REQUIREMENT)?;
    if caller.is_bound {
        let IpAddr::V4(client) = client(sent).ok_or(BAD_REQUEST)? else {
            return Err(Verdict::Refused("address_not_allowed"));
        };
        if client.octets()[..3] != [192, 0, 2] {
            return Err(Verdict::Refused("address_not_allowed"));
        }
    }
    for one in &required {
        match one {
            Required::Policy(names)
                if !names.iter().any(|name| caller.policies.contains(&&**name)) =>
            {
                return Err(Verdict::Refused("policy_required"));
            }
            Required::Tenant(name) if caller.tenant != Some(name) => {
                return Err(Verdict::Refused("tenant_mismatch"));
            }
            _ => {}
        }
    }
    acl(sent, &required)
}

/// RFC 9112, 3.2.1, and RFC 3986, 3.3 and 3.4: the path and the query.
fn origin_form(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    let (path, query) = (parts.next()?, parts.next().unwrap_or_default());
    (path.starts_with(b"/") && is_made_of(path, b"/") && is_made_of(query, b"/?"))
        .then_some((path, query))
}

/// Returns true if the text consists of `pchar`s and these others.
fn is_made_of(text: &[u8], others: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if is_unreserved || b"!$&'()*+,;=:@".contains(&byte) || others.contains(&byte) {
            at += 1;
        } else if hexadecimal(&text[at..]).is_some() {
            at += 3;
        } else {
            return false;
        }
    }
    true
}

/// Returns the octet that is percent-encoded at the beginning of the text.
fn hexadecimal(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    let octet = (text.first() == Some(&b'%')).then(|| Some(digit(1)? * 16 + digit(2)?))??;
    u8::try_from(octet).ok()
}

/// Removes percent-encoding. A `%` that begins none is kept.
fn decoded(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let octet = hexadecimal(&text[at..]);
        out.push(octet.unwrap_or(text[at]));
        at += if octet.is_some() { 3 } else { 1 };
    }
    out
}

fn requirements(query: &[u8]) -> Option<Vec<Required>> {
    if query.is_empty() {
        return Some(Vec::new());
    }
    let all: Vec<Required> =
        query.split(|byte| *byte == b'&').map(requirement).collect::<Option<_>>()?;
    let tenants = all.iter().filter(|one| matches!(one, Required::Tenant(_))).count();
    (tenants <= 1 && all.len() <= 16).then_some(all)
}

fn requirement(parameter: &[u8]) -> Option<Required> {
    let mut parts = parameter.splitn(2, |byte| *byte == b'=');
    let text = |part: &[u8]| {
        let spaced: Vec<u8> =
            part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        String::from_utf8(decoded(&spaced)).ok()
    };
    let (name, written) = (text(parts.next()?)?, parts.next()?);
    let value = text(written)?;
    match name.as_str() {
        "policy" => {
            let names: Vec<String> = value.split(',').map(str::to_lowercase).collect();
            let odd = |c: char| c.is_control() || c.is_whitespace() || "{}\u{fffd}".contains(c);
            let fine = |name: &String| !name.is_empty() && name.len() <= 256 && !name.contains(odd);
            names.iter().all(fine).then_some(Required::Policy(names))
        }
        "tenant" => {
            let label = value.to_ascii_lowercase();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            let fine = label.len() <= 63
                && label.starts_with(plain)
                && label.chars().all(|c| plain(c) || c == '-' || c == '_');
            fine.then_some(Required::Tenant(label))
        }
        "acl" | "acl_uri" => {
            let fine = !value.contains(['{', '}', '\u{fffd}'])
                && !written.contains(&b'+')
                && value.split('/').all(is_segment)
                && value.trim() == value;
            let required =
                if name == "acl" { Required::Acl(value) } else { Required::AclUri(value) };
            fine.then_some(required)
        }
        _ => None,
    }
}

fn is_segment(segment: &str) -> bool {
    !["", ".", ".."].contains(&segment)
        && !segment.chars().any(|c| c.is_control() || "\\;#?".contains(c))
}

/// Returns the only value of a field, from a trusted proxy.
fn only<'s>(sent: &'s Sent, name: &str) -> Outcome<Option<&'s [u8]>> {
    let values: Vec<&[u8]> =
        sent.fields.iter().filter(|(own, _)| *own == name).map(|(_, value)| &value[..]).collect();
    match values.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(BAD_REQUEST),
    }
}

fn visible(value: &[u8]) -> Outcome<&str> {
    let text = std::str::from_utf8(value).map_err(|_| BAD_REQUEST)?;
    if text.is_ascii() && !text.is_empty() { Ok(text) } else { Err(BAD_REQUEST) }
}

fn acl(sent: &Sent, required: &[Required]) -> Outcome<()> {
    let uri = only(sent, "x-forwarded-uri");
    let mut paths = BTreeSet::new();
    for one in required {
        match one {
            Required::Acl(path) => drop(paths.insert(path.clone())),
            Required::AclUri(path) => {
                let uri = uri?.ok_or(BAD_REQUEST)?;
                let own = uri.split(|byte| *byte == b'?').next().unwrap_or_default();
                let own = forwarded_path(visible(own)?).ok_or(AMBIGUOUS)?;
                paths.insert(format!("{path}{own}"));
            }
            _ => {}
        }
    }
    if paths.is_empty() {
        return Ok(());
    }
    let method = visible(only(sent, "x-forwarded-method")?.ok_or(BAD_REQUEST)?)?;
    if !["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"].contains(&method) {
        return Err(DENIED);
    }
    let query = uri?.and_then(|uri| uri.splitn(2, |byte| *byte == b'?').nth(1)).unwrap_or_default();
    let mut methods = overrides(query);
    methods.push(method.to_owned());
    let reads = |method: &String| ["GET", "HEAD", "OPTIONS"].contains(&method.as_str());
    let is_open = |path: &String| path == "route/open" || path.starts_with("route/open/");
    if methods.iter().all(reads) && paths.iter().all(is_open) { Ok(()) } else { Err(DENIED) }
}

/// Returns the decoded forwarded path; `None` if it is ambiguous.
fn forwarded_path(path: &str) -> Option<String> {
    let escapes = path.bytes().enumerate().filter(|(_, byte)| *byte == b'%');
    for (at, _) in escapes {
        hexadecimal(&path.as_bytes()[at..])?;
    }
    let plain = String::from_utf8(decoded(path.as_bytes())).ok()?;
    let inner = plain.strip_prefix('/')?;
    let segments: Vec<&str> = inner.split('/').collect();
    let (last, others) = segments.split_last()?;
    let fine = others.iter().all(|segment| is_segment(segment))
        && (last.is_empty() || is_segment(last))
        && !plain.contains('%')
        && plain.matches('/').count() == path.matches('/').count()
        && inner.trim_end() == inner;
    fine.then_some(plain)
}

/// Returns the methods with which parameters override the request's own.
fn overrides(query: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for parameter in query.split(|byte| b"&;#".contains(byte)) {
        let mut parts = parameter.splitn(2, |byte| *byte == b'=');
        let text = |part: Option<&[u8]>| {
            let text = String::from_utf8_lossy(&decoded(part.unwrap_or_default())).into_owned();
            text.replace('+', " ")
        };
        let (name, value) = (text(parts.next()), text(parts.next()));
        let name = name.split(['\0', '[']).next().unwrap_or_default();
        let name = name.trim_start_matches(|c: char| c.is_ascii_whitespace()).to_ascii_lowercase();
        let name = name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        if [
            "_method",
            "_httpmethod",
            "x_http_method_override",
            "x_http_method",
            "x_method_override",
        ]
        .contains(&name.as_str())
        {
            found.push(value.trim_matches(|c: char| c.is_ascii_whitespace()).to_ascii_uppercase());
        }
    }
    found
}

/// Returns the first address from the right that is not in 10.0.0.0/8 or 127.0.0.0/8; the leftmost if all
/// are. Empty elements are ignored (RFC 9110, 5.6.1).
fn client(sent: &Sent) -> Option<IpAddr> {
    let lines = sent.fields.iter().filter(|(name, _)| *name == "x-forwarded-for");
    let list = lines.map(|(_, line)| &line[..]).collect::<Vec<_>>().join(&b","[..]);
    let mut farthest = None;
    for item in list.rsplit(|byte| *byte == b',') {
        let item = std::str::from_utf8(item).ok()?.trim_matches([' ', '\t']);
        if item.is_empty() {
            continue;
        }
        let address = address(item)?;
        farthest = Some(address);
        if !matches!(address, IpAddr::V4(address) if [10, 127].contains(&address.octets()[0])) {
            break;
        }
    }
    farthest
}

fn address(item: &str) -> Option<IpAddr> {
    let is_port =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
    let address: IpAddr = if let Some(rest) = item.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let fine = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        address.parse().ok().filter(|address: &IpAddr| fine && address.is_ipv6())?
    } else {
        let bare = item.rsplit_once(':').filter(|(_, port)| is_port(port));
        let with_port = || bare?.0.parse().ok().filter(IpAddr::is_ipv4);
        item.parse().ok().or_else(with_port)?
    };
    Some(address.to_canonical())
}
