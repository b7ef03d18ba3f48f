use proptest::{collection::vec, prelude::*};

use super::TargetFilter;

/// Returns the filtered bytes if these arrive in pieces of this length.
fn filtered(bytes: &[u8], piece: usize) -> Vec<u8> {
    let (mut filter, mut out) = (TargetFilter::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        filter.filter(piece, &mut out).expect("valid frames");
    }
    filter.finish(&mut out);
    out
}

/// Asserts the filtered form of these requests, in pieces of any length.
fn assert_filtered(bytes: &str, expected: &str) {
    for piece in [1, 2, 3, 7, 64, bytes.len().max(1)] {
        let out = String::from_utf8(filtered(bytes.as_bytes(), piece)).expect("text");
        assert_eq!(out, expected, "in pieces of {piece}");
    }
}

#[test]
fn http1_invalid_target_is_replaced() {
    for target in
        ["/a#b", "/#", "#", "/a?b#c", "/{a}", "/a\"", "http://h/", "v:443", "*", "", "/é", "/%zz"]
    {
        assert_filtered(
            &format!("GET {target} HTTP/1.1\r\nHost: v\r\n\r\nGET /b#c HTTP/1.0\n\n"),
            "GET * HTTP/1.1\r\nHost: v\r\n\r\nGET * HTTP/1.0\r\n\n",
        );
    }
}

#[test]
fn valid_http1_passes_unchanged() {
    let body = "{\"a\":\"GET /a#b HTTP/1.1\"}\r\n\r\nGET /a#b HTTP/1.1\r\n\r\n";
    let put = format!(
        "PUT /x HTTP/1.1\r\nCONTENT-length: \t{} \r\nX: GET /a#b HTTP/1.1\r\n\r\n{body}",
        body.len()
    );
    for bytes in [
        "",
        "PRI * HTT",
        "GET /",
        "GET /a#b",
        "GET /a#b HTTP/1.1",
        "\r\n\n\r\nGET /a?b=%23 HTTP/1.1\r\nA: b\nC: #\r\n\r\nHEAD / HTTP/1.1\n\n",
        "no request\r\n\r\n",
        "GET\r\n\r\n",
        &put,
        &format!("{put}{put}"),
        "PUT /x HTTP/1.1\r\nContent-Length: 03\r\ncontent-length: 3\r\n\r\n/#aGET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    ] {
        assert_filtered(bytes, bytes);
    }
    assert_filtered(
        &format!("{put}GET /# HTTP/1.1\r\n\r\n"),
        &format!("{put}GET * HTTP/1.1\r\n\r\n"),
    );
}

#[test]
fn http1_chunked_body_is_skipped() {
    let chunks = "3\r\n/#a\r\n1A ; x=y\r\nGET /a#b HTTP/1.1\r\n\r\n12345\r\n0;z\r\nT: GET /# HTTP/1.1\r\n\r\n";
    for field in [
        "Transfer-Encoding: chunked",
        "TRANSFER-ENCODING:gzip, chunked",
        "Content-Length: 3\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
    ] {
        assert_filtered(
            &format!("PUT /x#y HTTP/1.1\r\n{field}\r\n\r\n{chunks}GET /a#b HTTP/1.1\r\n\r\n"),
            &format!("PUT * HTTP/1.1\r\n{field}\r\n\r\n{chunks}GET * HTTP/1.1\r\n\r\n"),
        );
    }
}

#[test]
fn bytes_after_invalid_body_are_dropped() {
    for head in [
        "Content-Length: +3\r\n\r\n",
        "Content-Length: 3, 3\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n\r\n",
        "Content-Length:\r\n\r\n",
        "Content-Length: 99999999999999999999\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nx\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3 x\r\n",
        "Transfer-Encoding: chunked\r\n\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\n",
        "Transfer-Encoding: chunked\r\n\r\n-3\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1\r\naGET / HTTP/1.1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nT: a\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\n",
    ] {
        let head = format!("PUT /x HTTP/1.1\r\n{head}");
        assert_filtered(&format!("{head}abc\r\n\r\nGET /a#b HTTP/1.1\r\n\r\n"), &head);
    }
}

#[test]
fn too_long_line_loses_its_end() {
    let long = "a".repeat(super::http1::MAX_LINE + 1);
    for head in [
        format!("GET /{long}# HTTP/1.1\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nA: {long}\r\n\r\nGET /# HTTP/1.1\r\n\r\n"),
    ] {
        let out = filtered(head.as_bytes(), 1000);
        let lines = head.find("A: ").map_or(0, |_| 1);
        assert_eq!(out.split(|byte| *byte == b'\n').count() - 1, lines);
        assert!(out.len() > super::http1::MAX_LINE);
    }
}

/// Returns an HTTP/2 frame (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [.., high, low] = payload.len().to_be_bytes();
    [&[0, high, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Returns a literal field without indexing, with the static table's index of its name.
fn literal(name: u8, value: &[u8]) -> Vec<u8> {
    [&[name, u8::try_from(value.len()).expect("a short value")], value].concat()
}

/// Returns the field block of `GET path` with scheme and authority.
fn block(path: &[u8]) -> Vec<u8> {
    [&[0x82, 0x86], &literal(4, path)[..], &literal(1, b"v")].concat()
}

fn http2(frames: &[Vec<u8>]) -> Vec<u8> {
    let settings = frame(4, 0, 0, &[]);
    [super::PREFACE, &settings, &frames.concat()].concat()
}

/// Returns the frame that marks the request of this stream.
fn mark(stream: u8) -> Vec<u8> {
    frame(9, 4, stream, &[&[0, 24], &b"x-invalid-request-target"[..], &[0]].concat())
}

#[test]
fn http2_invalid_target_is_marked() {
    let good = frame(1, 5, 1, &block(b"/validate?tenant=acme"));
    let bad = |flags, stream| frame(1, flags, stream, &block(b"/validate?tenant=acme#&x"));
    let data = frame(0, 1, 3, b"GET /a#b HTTP/1.1\r\n\r\n");
    let frames = [good.clone(), bad(5, 3), data.clone(), bad(4, 5), good.clone()];
    let expected =
        [good.clone(), bad(1, 3), mark(3), data.clone(), bad(0, 5), mark(5), good.clone()];
    for piece in [1, 5, 9, 50, 1000] {
        assert_eq!(filtered(&http2(&frames), piece), http2(&expected), "in pieces of {piece}");
    }
}

#[test]
fn http2_target_encodings_are_decoded() {
    // `/#` in Huffman's code (RFC 7541, appendix B): 011000, 1111 1111 1010, and ones to the end.
    let huffman = vec![0x82, 0x86, 4, 0x83, 0b0110_0011, 0b1111_1110, 0b1011_1111];
    // Added to the dynamic table, then referenced by its index there.
    let indexed = [&[0x82, 0x86, 0x44, 2], &b"/#"[..]].concat();
    let again = vec![0x82, 0x86, 0xbe];
    // In three frames, with padding and a priority.
    let padded = [&[2][..], &[0, 0, 0, 0, 1], &[0x82, 0x86, 4, 3, b'/'], &[0, 0]].concat();
    let frames = [
        frame(1, 5, 1, &huffman),
        frame(1, 5, 3, &indexed),
        frame(1, 5, 5, &again),
        frame(1, 0x29, 7, &padded),
        frame(9, 0, 7, b"#"),
        frame(9, 4, 7, b"x"),
    ];
    let expected = [
        frame(1, 1, 1, &huffman),
        mark(1),
        frame(1, 1, 3, &indexed),
        mark(3),
        frame(1, 1, 5, &again),
        mark(5),
        frame(1, 0x29, 7, &padded),
        frame(9, 0, 7, b"#"),
        frame(9, 0, 7, b"x"),
        mark(7),
    ];
    assert_eq!(filtered(&http2(&frames), 11), http2(&expected));
}

#[test]
fn too_large_http2_frame_is_an_error() {
    let head = [0, 0x40, 1, 1, 4, 0, 0, 0, 1];
    let mut out = Vec::new();
    let mut filter = TargetFilter::new();
    filter.filter(&http2(&[]), &mut out).expect("a preface");
    assert!(filter.filter(&head, &mut out).is_err());
}

proptest! {
    #[test]
    fn chunking_does_not_matter(
        bytes in vec(prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            proptest::sample::select(vec![
                "\r\n", "\n", "\r\n\r\n", "GET ", "/a", "#", " HTTP/1.1\r\n", "Content-Length: 3\r\n", ": ",
                "Transfer-Encoding: chunked\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            ]).prop_map(|text| text.as_bytes().to_vec()),
        ], 0..30),
        piece in 1..20_usize,
    ) {
        let bytes = bytes.concat();
        let read = |piece: usize| {
            let (mut filter, mut out) = (TargetFilter::new(), Vec::new());
            let is_valid = bytes.chunks(piece).try_for_each(|piece| filter.filter(piece, &mut out)).is_ok();
            is_valid.then_some(out)
        };
        prop_assert_eq!(read(piece), read(bytes.len().max(1)));
    }
}
