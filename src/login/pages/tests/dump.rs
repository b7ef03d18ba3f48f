#[test]
#[ignore]
fn dump_pages() {
    for l in super::samples::LANGUAGES {
        for (n, p) in super::samples::pages(l) {
            let csp = p.headers(&[])[2].1.to_str().unwrap().to_owned();
            let body = p.body.replace(
                "<meta charset",
                &format!(
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\"><meta charset",
                    csp.replace("frame-ancestors 'none'; ", "")
                ),
            );
            std::fs::write(format!("/tmp/pages-out/{}-{n}.html", l.tag()), body).unwrap();
        }
    }
}
