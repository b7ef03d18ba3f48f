//! Names and passwords: the messages, the limits, and the time that a response takes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{
    people::{PASSWORD, People},
    person::{Page, Person},
    wait::eventually,
};

const LOGIN: &str = "https://login.example.com/.vault-auth/login";

/// Submits a name and a password, and returns the page and the time that it took.
async fn submit(person: &mut Person, name: &str, password: &str) -> (Page, Duration) {
    let started = Instant::now();
    let fields = [("method", "0"), ("name", name), ("password", password)];
    let page = person.submit(LOGIN, "/.vault-auth/login", &fields).await;
    (page, started.elapsed())
}

/// Returns the page without the name and the request id.
fn comparable(page: &Page, name: &str) -> String {
    let body = page.answer().body.replace(&format!("value=\"{name}\""), "value=\"\"");
    let words = body.split_inclusive(|character: char| !character.is_ascii_hexdigit());
    words.filter(|word| word.len() < 32).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn l26_failures_look_and_take_the_same() {
    let people = People::start().await;
    for name in ["locked", "disabled"] {
        people.create(name, json!({})).await;
    }
    let bao = people.bao();
    for _ in 0..6 {
        let body = Some(json!({"password": "wrong"}));
        bao.request("POST", "auth/userpass/login/locked", body).await;
    }
    let login = Some(json!({"password": PASSWORD}));
    let login = bao.must("POST", "auth/userpass/login/disabled", login).await;
    let entity = login["auth"]["entity_id"].as_str().expect("an entity").to_owned();
    let disabled = Some(json!({"disabled": true}));
    bao.must("POST", &format!("identity/entity/id/{entity}"), disabled).await;

    let mut person = people.person();
    let mut pages = Vec::new();
    for (name, password) in [
        ("nobody", "wrong"),
        ("ana", "wrong"),
        ("locked", PASSWORD),
        ("locked", "wrong"),
        ("disabled", PASSWORD),
        ("disabled", "wrong"),
        ("no@path", PASSWORD),
        ("../../sys", PASSWORD),
        ("ana", ""),
        ("", PASSWORD),
    ] {
        let (page, took) = submit(&mut person, name, password).await;
        assert_eq!(page.status(), 403, "{name}");
        assert!(took >= Duration::from_millis(490), "{name}: {took:?}");
        assert!(took < Duration::from_secs(5), "{name}: {took:?}");
        pages.push((name, comparable(&page, name)));
    }
    // Only an empty name is shown otherwise: the cursor is in that field.
    for (name, page) in pages[1..].iter().filter(|(name, _)| !name.is_empty()) {
        let (page, first) = (page.lines(), pages[0].1.lines());
        let changed: Vec<_> = page.zip(first).filter(|(one, other)| one != other).collect();
        assert!(changed.is_empty(), "{name}: {changed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l27_limit_of_a_name_trips_before_the_lockout() {
    let people = People::start().await;
    let mut person = people.person();
    for (existing, other) in [("ana", "ANA"), ("nobody", "Nobody")] {
        for name in [existing, other, existing, other] {
            let (page, _) = submit(&mut person, name, "wrong").await;
            assert_eq!(page.status(), 403, "{name}");
        }
        let (page, took) = submit(&mut person, existing, PASSWORD).await;
        assert_eq!(page.status(), 429, "{existing}");
        let wait = page.answer().header("retry-after").expect("a time").parse::<u64>();
        assert!((890..=910).contains(&wait.expect("seconds")), "{page:?}");
        assert!(took < Duration::from_millis(300), "{took:?}");
    }
    // Vault has not locked the user.
    let login = Some(json!({"password": PASSWORD}));
    people.bao().must("POST", "auth/userpass/login/ana", login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l27_limit_of_an_address_spans_all_names() {
    let people = People::start().await;
    for round in 0..6 {
        let attempts = (0..5).map(|number| {
            let (mut person, name) = (people.person(), format!("user-{round}-{number}"));
            async move { submit(&mut person, &name, "wrong").await.0.status() }
        });
        let statuses = futures_util::future::join_all(attempts).await;
        assert_eq!(statuses, [403; 5], "round {round}");
    }
    let (page, _) = submit(&mut people.person(), "ana", PASSWORD).await;
    assert_eq!(page.status(), 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_guesses_of_one_name_are_limited() {
    let people = People::start().await;
    let attempts = (0..16).map(|number| {
        let mut person = people.person();
        let password = if number == 15 { PASSWORD } else { "wrong" };
        async move { submit(&mut person, "ana", password).await.0.status() }
    });
    let statuses = futures_util::future::join_all(attempts).await;
    let judged = statuses.iter().filter(|status| **status == 403).count();
    assert!(judged <= 8, "{statuses:?}");
    let login = Some(json!({"password": PASSWORD}));
    people.bao().must("POST", "auth/userpass/login/ana", login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l13_form_of_another_site_is_refused() {
    let people = People::start().await;
    let mut person = people.person();
    let body = format!("method=0&name=ana&password={}", PASSWORD.replace(' ', "+"));
    for headers in [
        vec![("sec-fetch-site", "cross-site"), ("origin", "https://evil.test")],
        vec![("sec-fetch-site", "same-site"), ("origin", "https://crm.example.com")],
        vec![("origin", "https://evil.test")],
        vec![("origin", "null")],
        vec![],
    ] {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let headers = [&headers[..], &[form]].concat();
        let answer = person.send("POST", LOGIN, &headers, Some(body.clone())).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{headers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_forms_get_a_page() {
    let people = People::start().await;
    let mut person = people.person();
    let form = "application/x-www-form-urlencoded";
    let valid = format!("method=0&name=ana&password={}", PASSWORD.replace(' ', "+"));
    let long = "a".repeat(20_000);
    for (content_type, body, status) in [
        (form, format!("{valid}&name=eva"), 400),
        (form, format!("{valid}&admin=true"), 400),
        (form, format!("{valid}%ff"), 400),
        (form, format!("name=ana&password={long}"), 400),
        (form, format!("name=ana&password={}", "a".repeat(2_000)), 403),
        (form, "method=7&name=ana&password=a".to_owned(), 400),
        (form, "pending=x&code=1".to_owned(), 400),
        (form, String::new(), 403),
        ("application/json", valid.clone(), 400),
        ("multipart/form-data", valid.clone(), 400),
    ] {
        let headers = [("content-type", content_type), ("sec-fetch-site", "same-origin")];
        let answer = person.send("POST", LOGIN, &headers, Some(body.clone())).await;
        let start: String = body.chars().take(60).collect();
        assert_eq!(answer.status, status, "{start}");
        assert!(answer.body.contains("</html>"), "{start}");
        assert_eq!(answer.header("set-cookie"), None, "{start}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsuitable_logins_are_refused_with_a_reason() {
    let people = People::start().await;
    for (name, settings, reason) in [
        ("batch", json!({"token_type": "batch"}), "batch token"),
        ("bare", json!({"token_no_default_policy": true, "token_policies": "x"}), "`default`"),
        ("uses", json!({"token_num_uses": 5}), "number of uses"),
    ] {
        people.create(name, settings).await;
        let mut person = people.person();
        let (page, _) = submit(&mut person, name, PASSWORD).await;
        assert_eq!(page.status(), 403, "{name}");
        assert!(page.answer().body.contains("administrator"), "{name}: {page:?}");
        assert_eq!(page.answer().header("set-cookie"), None, "{name}");
        let logged = async || people.direct.validator.log().contains(reason).then_some(());
        eventually(Duration::from_secs(10), reason, logged).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_not_logged() {
    let people = People::start().await;
    people.logged_in().await;
    let mut person = people.person();
    submit(&mut person, "ana", "a secret that is wrong").await;
    let log = people.direct.validator.log();
    for secret in [PASSWORD, "a secret that is wrong", "correct+horse", "a+secret"] {
        assert!(!log.contains(secret), "{secret}");
    }
}
